package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.OnnxExporter;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** ONNX Runtime on exported files against this runtime. */
class OnnxSegmentedModeTest {
  private static final int[] EXITS = {1, 3, 4};
  private static final int ROWS = 37;
  private static final int[] LEFT = new int[EXITS.length];
  private static final long MODEL = 7;

  /**
   * Fixed: of other rows one run in tens of thousands has one whose two best classes are so close
   * that peers, which round otherwise, may name either.
   */
  private static final long SEED = 7;

  /** A threshold is at least half of this away from all confidences: peers round otherwise. */
  private static final double GAP = 1e-3;

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "gelu,mean,top1",
    "gelu,first,margin",
    "gelu,max,entropy",
    "relu,mean,entropy",
    "relu,first,top1",
    "relu,max,margin"
  })
  void rowsLeaveWhereTheyLeaveHere(String activation, String pooling, String confidence) {
    long seed = Long.getLong("offramp.seed", SEED);
    Random random = new Random(seed);
    Head head = Head.ofText(pooling, confidence);
    Path path = TinyModel.write(folder.resolve("model"), MODEL, activation, head, EXITS);
    List<int[]> rows = TinyModel.tokens(seed, ROWS);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, TinyModel.MAX_TOKENS)) {
      for (int trial = 0; trial < 6; trial++) {
        // Some exits are passed by; confidences of no row lie at the thresholds.
        double[] thresholds = thresholds(runner, rows, random, trial % 3);
        try (OnnxSegmentedMode mode = new OnnxSegmentedMode(model, thresholds, 1)) {
          for (int size : new int[] {ROWS, 1, 7}) {
            List<int[]> batch = rows.subList(0, size);
            List<Outcome> expected = runner.run(batch, thresholds);
            same(mode.outcomes(batch), expected);
            expected.forEach(outcome -> LEFT[outcome.exit()]++);
            mode.run(batch);
          }
          assertThat(mode.prepare(List.of(rows), runner)).isEmpty();
        }
      }
    }
  }

  @AfterAll
  static void somebodyTookEachExit() {
    assertThat(LEFT).as("rows that took each exit").doesNotContain(0);
  }

  @Test
  void theWholeNetworkAnswersAsTheLastExit() {
    Path path = TinyModel.write(folder.resolve("model"), 5, EXITS);
    Path onnx = folder.resolve("whole.onnx");
    List<int[]> rows = TinyModel.tokens(5, ROWS);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, TinyModel.MAX_TOKENS)) {
      OnnxExporter.write(model, OnnxExporter.whole(model.config()), onnx);
      try (OnnxMode mode = new OnnxMode(OnnxMode.FP32, model.config(), onnx, 1)) {
        assertThat(mode.prepare(List.of(rows), runner)).isEmpty();
        mode.run(rows);
        mode.runOnce(rows.subList(3, 4));
      }
    }
  }

  @Test
  void aPeerOfOtherWeightsStopsTheBench() {
    Path path = TinyModel.write(folder.resolve("model"), 5, EXITS);
    Path other = TinyModel.write(folder.resolve("other"), 6, EXITS);
    List<int[]> rows = TinyModel.tokens(5, ROWS);
    try (ModelDirectory model = ModelDirectory.open(path);
        ModelDirectory different = ModelDirectory.open(other);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, TinyModel.MAX_TOKENS);
        OnnxSegmentedMode mode = new OnnxSegmentedMode(different, new double[] {0.5, 0.5}, 1)) {
      assertThatThrownBy(() -> mode.prepare(List.of(rows), runner))
          .isInstanceOf(PeerException.class)
          .hasMessageContaining("onnxruntime-segmented agrees with this runtime on");
    }
  }

  /** Between two confidences that rows have at the exit, or never. */
  private static double[] thresholds(
      BatchRunner runner, List<int[]> rows, Random random, int kind) {
    double[] thresholds = new double[EXITS.length - 1];
    for (int exit = 0; exit < thresholds.length; exit++) {
      double[] sorted =
          runner.runTo(rows, exit).stream().mapToDouble(Outcome::confidence).sorted().toArray();
      double[] between =
          IntStream.range(1, ROWS)
              .filter(i -> sorted[i] - sorted[i - 1] > GAP)
              .mapToDouble(i -> (sorted[i] + sorted[i - 1]) / 2)
              .toArray();
      // Some heads of random weights are all too sure of everything.
      thresholds[exit] =
          between.length == 0 ? BatchRunner.NEVER : between[random.nextInt(between.length)];
      if (kind == exit + 1) {
        thresholds[exit] = BatchRunner.NEVER;
      }
    }
    return thresholds;
  }

  private static void same(List<Outcome> actual, List<Outcome> expected) {
    for (int r = 0; r < expected.size(); r++) {
      assertThat(actual.get(r).exit()).as("exit of row %d", r).isEqualTo(expected.get(r).exit());
      assertThat(actual.get(r).prediction()).isEqualTo(expected.get(r).prediction());
      assertThat(actual.get(r).confidence()).isCloseTo(expected.get(r).confidence(), within(1e-4f));
    }
  }
}
