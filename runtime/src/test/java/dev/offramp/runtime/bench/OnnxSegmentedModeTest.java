package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Precision;
import dev.offramp.models.Head;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.OnnxExporter;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.Tensor;
import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
    Path onnx = export(path);
    List<int[]> rows = TinyModel.tokens(5, ROWS);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, TinyModel.MAX_TOKENS)) {
      try (OnnxMode mode =
          new OnnxMode(OnnxMode.FP32, model.config(), onnx, new OnnxTarget.Processor(1))) {
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

  /** A model's own file agrees, with exits beside it or without; that of another is found out. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theStatesOfAnotherNetworkStopTheBench(boolean exits) {
    int[] after = exits ? EXITS : new int[0];
    Path path = TinyModel.write(folder.resolve("model"), 5, after);
    Path own = export(TinyModel.write(folder.resolve("own"), 5));
    Path other = export(TinyModel.write(folder.resolve("other"), 6));
    agree(OnnxMode.FP32, path, own, null);
    agree(OnnxMode.FP32, path, other, "onnxruntime agrees with this runtime on 0 of 37 rows");
    // Its states are its own by design.
    agree(OnnxMode.INT8, path, other, null);
  }

  /** The fp32 file is of the weights that those of such a model were rounded from. */
  @Test
  void weightsOfAnInt8ArtifactAgreeWithTheFp32File() throws IOException {
    Path path = TinyModel.write(folder.resolve("model"), 5);
    Path rounded = rounded(path, folder.resolve("rounded"));
    Path other = export(TinyModel.write(folder.resolve("other"), 6));
    agree(OnnxMode.FP32, rounded, export(path), "of 37 rows");
    Path config = rounded.resolve(ModelDirectory.CONFIG);
    Files.writeString(
        config, Files.readString(config).replace("random, seed 5", "org.x:mini-q:1.0"));
    agree(OnnxMode.FP32, rounded, export(path), null);
    agree(OnnxMode.FP32, rounded, other, "on 0 of 37 rows");
  }

  /**
   * @param part of the message if they do not, else null
   */
  private static void agree(String name, Path path, Path onnx, String part) {
    List<int[]> rows = TinyModel.tokens(5, ROWS);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, TinyModel.MAX_TOKENS);
        OnnxMode mode = new OnnxMode(name, model.config(), onnx, new OnnxTarget.Processor(1))) {
      if (part == null) {
        assertThat(mode.prepare(List.of(rows), runner)).isEmpty();
      } else {
        assertThatThrownBy(() -> mode.prepare(List.of(rows), runner))
            .isInstanceOf(PeerException.class)
            .hasMessageContaining(part);
      }
    }
  }

  /** The same model with weights of a few bits. */
  private static Path rounded(Path path, Path out) throws IOException {
    try (ModelDirectory model = ModelDirectory.open(path)) {
      SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
      model
          .tensors()
          .forEach((name, tensor) -> {
            float[] values = tensor.toFloats();
            for (int i = 0; i < values.length; i++) {
              values[i] = Math.round(values[i] * 32) / 32f;
            }
            long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
            tensors.put(name, Tensor.ofFloats(name, values, shape));
          });
      byte[] tokenizer = Files.readAllBytes(path.resolve(ModelDirectory.TOKENIZER));
      ModelDirectory.write(out, model.config(), tensors, tokenizer, false);
      return out;
    }
  }

  @Test
  void theStatesOfImagesAreComparedByTheirChannels() {
    ResnetArchitecture architecture = TinyImageModel.BASIC;
    ResnetArchitecture wider =
        new ResnetArchitecture(
            architecture.image(),
            architecture.stem(),
            architecture.block(),
            List.of(new Group(1, 4, 4, 1), new Group(2, 9, 9, 2)),
            architecture.cardinality(),
            architecture.shortcut());
    Path path = TinyImageModel.write(folder.resolve("model"), 5, architecture);
    Path other = export(TinyImageModel.write(folder.resolve("other"), 6, architecture));
    Path wide = export(TinyImageModel.write(folder.resolve("wide"), 5, wider));
    List<int[]> rows = TinyImageModel.images(5, ROWS, architecture);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, architecture.maxPositions())) {
      try (OnnxMode mode =
          new OnnxMode(OnnxMode.FP32, model.config(), export(path), new OnnxTarget.Processor(1))) {
        assertThat(mode.prepare(List.of(rows), runner)).isEmpty();
      }
      try (OnnxMode mode =
          new OnnxMode(OnnxMode.FP32, model.config(), other, new OnnxTarget.Processor(1))) {
        assertThatThrownBy(() -> mode.prepare(List.of(rows), runner))
            .isInstanceOf(PeerException.class)
            .hasMessageContaining("onnxruntime agrees with this runtime on");
      }
      try (OnnxMode mode =
          new OnnxMode(OnnxMode.FP32, model.config(), wide, new OnnxTarget.Processor(1))) {
        assertThatThrownBy(() -> mode.prepare(List.of(rows), runner))
            .isInstanceOf(PeerException.class)
            .hasMessageContaining("hidden states of 9 numbers and this model has 7");
      }
    }
  }

  @Test
  void aHeadsAnswersAreNoneOfAModelWithoutExits() {
    Path path = TinyModel.write(folder.resolve("model"), 5);
    Path onnx = export(TinyModel.write(folder.resolve("exits"), 5, EXITS));
    try (ModelDirectory model = ModelDirectory.open(path)) {
      assertThatThrownBy(
              () -> new OnnxMode(OnnxMode.FP32, model.config(), onnx, new OnnxTarget.Processor(1)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("not [last_hidden_state]");
    }
  }

  @Test
  void itRunsOnTheProcessor() {
    Path path = TinyModel.write(folder.resolve("model"), 5, EXITS);
    DeviceInfo card = new DeviceInfo("cuda:0", "played", 1 << 30, 132, Precision.F32, "");
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        OnnxMode whole =
            new OnnxMode(OnnxMode.FP32, model.config(), export(path), new OnnxTarget.Processor(1));
        OnnxSegmentedMode parts = new OnnxSegmentedMode(model, new double[] {0.5, 0.5}, 1)) {
      for (Mode mode : List.of(whole, parts)) {
        assertThat(mode.runsOn(device.info(), true)).isTrue();
        assertThat(mode.runsOn(card, false)).isFalse();
      }
    }
  }

  /** Writes the whole network of a model directory. */
  private static Path export(Path directory) {
    Path onnx = directory.resolveSibling(directory.getFileName() + ".onnx");
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      OnnxExporter.write(model, OnnxExporter.whole(model.config()), onnx);
    }
    return onnx;
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
