package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Precision;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** PyTorch itself computes what the runner computes; skipped where there is none. */
class PyTorchModeTest {
  private static String python;

  @TempDir private Path folder;

  @BeforeAll
  static void findPyTorch() throws IOException, InterruptedException {
    for (String candidate : List.of("python3", "/usr/bin/python3")) {
      if (python == null && hasPyTorch(candidate)) {
        python = candidate;
      }
    }
    assumeTrue(python != null, "no python3 with PyTorch here");
  }

  @ParameterizedTest
  @CsvSource({"gelu,mean,top1", "relu,first,margin", "gelu,max,entropy"})
  void predictionsAndConfidencesAreTheEngines(String activation, String pooling, String confidence)
      throws IOException {
    Head head = Head.ofText(pooling, confidence);
    Path sure = TinyModel.write(folder.resolve("sure"), 8, activation, head, 2, TinyModel.LAYERS);
    Path path = unsure(sure, folder.resolve("model"));
    // Rows of different lengths, then of one.
    List<int[]> ragged = TinyModel.tokens(9, 24);
    List<int[]> even =
        ragged.stream().filter(row -> row.length > 5).map(PyTorchModeTest::five).toList();
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, 24, TinyModel.MAX_TOKENS);
        PyTorchMode mode = open(PyTorchMode.EAGER, model)) {
      assertThat(mode.prepare(List.of(ragged, even), runner)).isEmpty();
      for (List<int[]> batch : List.of(ragged, even)) {
        JsonObject answer = mode.results(batch);
        List<Outcome> outcomes = runner.run(batch, BatchRunner.NEVER);
        // Far enough apart that an agreement within 1e-4 says something.
        var scores = outcomes.stream().mapToDouble(Outcome::confidence).summaryStatistics();
        assertThat(scores.getMax() - scores.getMin()).isGreaterThan(5e-3);
        for (int r = 0; r < batch.size(); r++) {
          assertThat(answer.getAsJsonArray("predictions").get(r).getAsInt())
              .isEqualTo(outcomes.get(r).prediction());
          assertThat(answer.getAsJsonArray("confidences").get(r).getAsFloat())
              .isCloseTo(outcomes.get(r).confidence(), within(1e-4f));
        }
        assertThat(mode.time(batch)).isBetween(1e-6, 60.0);
      }
      assertThat(mode.ceilings().get("f32Tflops").getAsDouble()).isPositive();
    }
  }

  @Test
  void aBackboneIsComparedByItsHiddenStates() throws IOException {
    Path path = TinyModel.write(folder.resolve("model"), 8);
    Path other = TinyModel.write(folder.resolve("other"), 9);
    List<int[]> rows = TinyModel.tokens(9, 16);
    try (ModelDirectory model = ModelDirectory.open(path);
        ModelDirectory another = ModelDirectory.open(other);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, 16, TinyModel.MAX_TOKENS);
        PyTorchMode same = open(PyTorchMode.EAGER, model);
        PyTorchMode different = open(PyTorchMode.EAGER, another)) {
      assertThat(same.prepare(List.of(rows), runner)).isEmpty();
      assertThatThrownBy(() -> different.prepare(List.of(rows), runner))
          .isInstanceOf(PeerException.class)
          .hasMessageContaining("of 16 rows only");
    }
  }

  @Test
  void compilingWorksOrIsDeclinedWithAReason() throws IOException {
    Path path = TinyModel.write(folder.resolve("model"), 8, 2, TinyModel.LAYERS);
    List<int[]> rows = TinyModel.tokens(9, 16);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, 16, TinyModel.MAX_TOKENS);
        PyTorchMode mode = open(PyTorchMode.COMPILED, model)) {
      mode.prepare(List.of(rows), runner)
          .ifPresentOrElse(
              reason -> assertThat(reason).contains("torch.compile"),
              () -> assertThat(mode.time(rows)).isPositive());
    }
  }

  /** The same model with a last head that has no bias and is never sure. */
  static Path unsure(Path model, Path out) throws IOException {
    try (ModelDirectory sure = ModelDirectory.open(model)) {
      SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(sure.tensors());
      for (String name : List.of("exits.1.weight", "exits.1.bias")) {
        Tensor tensor = tensors.get(name);
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
          values[i] *= name.endsWith("bias") ? 0 : 0.02f;
        }
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        tensors.put(name, Tensor.ofFloats(name, values, shape));
      }
      byte[] tokenizer = Files.readAllBytes(model.resolve(ModelDirectory.TOKENIZER));
      ModelDirectory.write(out, sure.config(), tensors, tokenizer, false);
      return out;
    }
  }

  private static PyTorchMode open(String name, ModelDirectory model) {
    return new PyTorchMode(
        name, python, model, new PyTorchMode.Placement("cpu", "", 1, Precision.F32));
  }

  private static int[] five(int[] row) {
    return Arrays.copyOf(row, 5);
  }

  private static boolean hasPyTorch(String interpreter) throws InterruptedException {
    try {
      Process process =
          new ProcessBuilder(interpreter, "-c", "import torch")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }
}
