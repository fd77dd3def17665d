package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.ExitTable;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Risk;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.TinyModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One pass over the data gives the losses of every risk at every threshold. */
class ObservationTest {
  private static final int SAMPLES = 60;
  private static final int CLASSES = TinyModel.LABELS.size();
  private static final int EXITS = 3;

  @TempDir private Path folder;
  private ModelDirectory model;
  private Device device;

  @BeforeEach
  void open() {
    model = ModelDirectory.open(TinyModel.write(folder.resolve("model"), 17, 1, 2, 4));
    device = Devices.open("jvm", new DeviceOptions(2));
  }

  @AfterEach
  void close() {
    device.close();
    model.close();
  }

  /** The losses are those of the probabilities that each sample has when it is alone. */
  @Test
  void lossesAreThoseOfTheProbabilities() {
    List<int[]> samples = TinyModel.tokens(18, SAMPLES);
    int[] labels = new Random(19).ints(SAMPLES, 0, CLASSES).toArray();
    double[] lambdas = {1, 0.9, 0.6, 0.4, 0};
    try (BatchRunner runner = BatchRunner.open(model, device, 16, TinyModel.MAX_TOKENS)) {
      long before = device.liveBytes();
      Observation seen =
          Observation.of(runner, samples, labels, List.of(Risk.values()), 16, done -> {});
      assertThat(device.liveBytes()).isEqualTo(before);
      ExitTable table = runner.observe(samples, 16, done -> {});
      assertThat(seen.table()).usingRecursiveComparison().isEqualTo(table);

      for (int i = 0; i < SAMPLES; i++) {
        double[][] p = new double[EXITS][];
        runner.observe(
            samples.subList(i, i + 1),
            1,
            (from, count, probabilities) -> {
              for (int exit = 0; exit < EXITS; exit++) {
                p[exit] = new double[CLASSES];
                for (int c = 0; c < CLASSES; c++) {
                  p[exit][c] = probabilities[exit][c];
                }
              }
            },
            done -> {});
        for (int exit = 0; exit < EXITS; exit++) {
          assertThat(p[exit][table.prediction()[exit][i]])
              .isEqualTo(Arrays.stream(p[exit]).max().orElseThrow());
        }
        for (Risk risk : Risk.values()) {
          LossTable losses = seen.losses(risk, lambdas);
          for (int k = 0; k < lambdas.length; k++) {
            int exit = table.exitOf(i, lambdas[k]);
            assertThat(losses.losses()[k][i])
                .as("%s at lambda %s", risk, lambdas[k])
                .isCloseTo(
                    loss(risk, p[exit], p[EXITS - 1], labels[i]),
                    within(risk == Risk.HELLINGER_CONSISTENCY ? 1e-3 : 1e-6));
          }
        }
      }
      for (Risk risk : Risk.values()) {
        assertThat(seen.losses(risk, lambdas).risk(4)).as("void if zero: %s", risk).isNotZero();
      }
    }
  }

  /** Written down from the definitions, in double. */
  private static double loss(Risk risk, double[] early, double[] full, int label) {
    double sum = 0;
    switch (risk) {
      case PREDICTION_GAP:
        return (top(early) == label ? 0 : 1) - (top(full) == label ? 0 : 1);
      case PREDICTION_CONSISTENCY:
        return top(early) == top(full) ? 0 : 1;
      case BRIER_GAP:
        return brier(early, label) - brier(full, label);
      case TOP_BRIER_CONSISTENCY:
        return brier(early, top(full)) - brier(full, top(full));
      case BRIER_CONSISTENCY:
        for (int c = 0; c < CLASSES; c++) {
          sum += full[c] * (brier(early, c) - brier(full, c));
        }
        return sum;
      case HELLINGER_CONSISTENCY:
        for (int c = 0; c < CLASSES; c++) {
          sum += Math.sqrt(early[c] * full[c]);
        }
        return Math.sqrt(Math.max(0, 1 - sum));
      default:
        throw new AssertionError(risk);
    }
  }

  private static int top(double[] p) {
    int top = 0;
    for (int c = 1; c < p.length; c++) {
      top = p[c] > p[top] ? c : top;
    }
    return top;
  }

  private static double brier(double[] p, int label) {
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      sum += (p[c] - (c == label ? 1 : 0)) * (p[c] - (c == label ? 1 : 0));
    }
    return sum;
  }
}
