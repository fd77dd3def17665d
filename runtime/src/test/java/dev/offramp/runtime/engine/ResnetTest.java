package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.ExitTable;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.scheduler.BulkRunner;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Residual networks through the engine, against doubles and against themselves. */
class ResnetTest {
  private static final int ROWS = 23;
  private static final int BATCH = 7;

  @TempDir Path folder;

  private final long seed = System.nanoTime();

  static Stream<Arguments> networks() {
    return Stream.of(
        Arguments.of(TinyImageModel.FOUR_BLOCKS, new int[] {1, 2, 3, 4}),
        Arguments.of(TinyImageModel.BOTTLENECK, new int[] {1, 2, 3}));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void everyExitSaysWhatThePaperWrites(ResnetArchitecture architecture, int[] exits) {
    Path path =
        TinyImageModel.write(
            folder.resolve("model"), seed, architecture, TinyImageModel.exits(exits));
    List<int[]> rows = TinyImageModel.images(seed, ROWS, architecture);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm", new DeviceOptions(2));
        BatchRunner runner = BatchRunner.open(model, device, BATCH, architecture.maxPositions())) {
      PlainResnet plain = new PlainResnet(model);
      runner.observe(
          rows,
          BATCH,
          (from, count, probabilities) -> {
            for (int i = 0; i < count; i++) {
              double[][] logits = plain.logits(rows.get(from + i));
              for (int exit = 0; exit < exits.length; exit++) {
                double[] expected = softmax(logits[exit]);
                for (int c = 0; c < expected.length; c++) {
                  assertThat((double) probabilities[exit][i * expected.length + c])
                      .as("seed %d, exit %d, row %d, class %d", seed, exit, from + i, c)
                      .isCloseTo(expected[c], within(1e-4));
                }
              }
            }
          },
          done -> {});
    }
  }

  /** Rows of all depths side by side in one store are computed as if each were alone. */
  @ParameterizedTest
  @MethodSource("networks")
  void rowsOfAllDepthsShareAStore(ResnetArchitecture architecture, int[] exits) {
    Path path =
        TinyImageModel.write(
            folder.resolve("model"), seed, architecture, TinyImageModel.exits(exits));
    List<int[]> rows = TinyImageModel.images(seed, 10 * ROWS, architecture);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm", new DeviceOptions(2))) {
      long before = device.liveBytes();
      try (BatchRunner alone = BatchRunner.open(model, device, 1, architecture.maxPositions())) {
        ExitTable table = alone.observe(rows, 1, done -> {});
        double[] thresholds = new double[exits.length - 1];
        for (int exit = 0; exit < thresholds.length; exit++) {
          float[] sorted = table.confidence()[exit].clone();
          Arrays.sort(sorted);
          thresholds[exit] = sorted[sorted.length / 2];
        }
        try (BulkRunner bulk =
            new BulkRunner(alone.network(), thresholds, BATCH, architecture.maxPositions())) {
          List<Outcome> outcomes = bulk.run(rows, done -> {});
          int[] left = new int[exits.length];
          for (int i = 0; i < rows.size(); i++) {
            int exit = table.exitOf(i, thresholds);
            left[exit]++;
            assertThat(outcomes.get(i))
                .as("seed %d, row %d", seed, i)
                .isEqualTo(
                    new Outcome(table.prediction()[exit][i], table.confidence()[exit][i], exit));
          }
          assertThat(left).as("seed %d: void if an exit is never taken", seed).doesNotContain(0);
        }
      }
      assertThat(device.liveBytes()).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void aRowHasAllPixels(ResnetArchitecture architecture, int[] exits) {
    Path path =
        TinyImageModel.write(folder.resolve("model"), 3, architecture, TinyImageModel.exits(exits));
    int pixels = architecture.maxPositions();
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm", new DeviceOptions(1));
        BatchRunner runner = BatchRunner.open(model, device, 2, pixels)) {
      assertThatThrownBy(() -> runner.run(List.of(new int[pixels], new int[pixels - 1]), 0.5))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("a row of %d numbers: must be %d to %d", pixels - 1, pixels, pixels);
      assertThatThrownBy(() -> BatchRunner.open(model, device, 2, pixels - 1))
          .hasMessageContaining("the model takes %d to %d", pixels, pixels);
    }
  }

  private static double[] softmax(double[] logits) {
    double sum = Arrays.stream(logits).map(Math::exp).sum();
    return Arrays.stream(logits).map(logit -> Math.exp(logit) / sum).toArray();
  }
}
