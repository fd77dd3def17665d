package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtSession;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.OnnxExporter;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What ONNX Runtime is given to run on a card is the network, in F32 and in F16. On the processor
 * it computes such a file too, in F32 between roundings to F16.
 */
class OnnxForCardTest {
  private static final int ROWS = 37;
  private static final int[] EXITS = {1, 2, 4};
  private static final Exit EXIT = new Exit(3, Head.ofImage(2, "margin"));
  private static final OnnxTarget PROCESSOR = new OnnxTarget.Processor(1);

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "gelu,mean,top1",
    "gelu,max,margin",
    "gelu,first,entropy",
    "relu,mean,entropy",
    "relu,max,top1"
  })
  void textsAreAnsweredAsInF32(String activation, String pooling, String confidence)
      throws IOException {
    Head head = Head.ofText(pooling, confidence);
    Path path = TinyModel.write(folder.resolve("model"), 7, activation, head, EXITS);
    same(path, TinyModel.tokens(7, ROWS), OnnxExporter.LOGITS, OnnxExporter.CONFIDENCE);
  }

  @Test
  void statesOfTextsAreThoseInF32() throws IOException {
    Path path = TinyModel.write(folder.resolve("model"), 7);
    same(path, TinyModel.tokens(7, ROWS), OnnxExporter.LAST_HIDDEN_STATE);
  }

  @Test
  void statesOfImagesAreThoseInF32() throws IOException {
    ResnetArchitecture architecture = TinyImageModel.BASIC;
    Path path = TinyImageModel.write(folder.resolve("model"), 7, architecture);
    List<int[]> images = TinyImageModel.images(7, ROWS, architecture);
    same(path, images, OnnxExporter.LAST_HIDDEN_STATE);
  }

  @Test
  void imagesAreAnsweredAsInF32() throws IOException {
    ResnetArchitecture architecture = TinyImageModel.BASIC;
    Path path = TinyImageModel.write(folder.resolve("model"), 7, architecture, EXIT);
    List<int[]> images = TinyImageModel.images(7, ROWS, architecture);
    same(path, images, OnnxExporter.LOGITS, OnnxExporter.CONFIDENCE);
  }

  private void same(Path path, List<int[]> rows, String... outputs) throws IOException {
    Path whole = folder.resolve("f32.onnx");
    Path exact = folder.resolve("card-f32.onnx");
    Path half = folder.resolve("card-f16.onnx");
    try (ModelDirectory model = ModelDirectory.open(path)) {
      OnnxExporter.write(model, OnnxExporter.whole(model.config()), whole);
      OnnxExporter.writeForCard(model, false, exact);
      OnnxExporter.writeForCard(model, true, half);
      assertThat(Files.size(half)).isLessThan(Files.size(exact));
      Map<String, float[]> expected = run(model, whole, rows, Set.of(outputs));
      Map<String, float[]> same = run(model, exact, rows, Set.of(outputs));
      Map<String, float[]> rounded = run(model, half, rows, Set.of(outputs));
      for (String output : outputs) {
        float[] values = expected.get(output);
        float largest = 0;
        for (float value : values) {
          largest = Math.max(largest, Math.abs(value));
        }
        assertThat(same.get(output)).as(output).containsExactly(values, within(1e-5f * largest));
        // These logits are up to 25, so what F16 does to them is seen in a confidence.
        float tolerance = output.equals(OnnxExporter.CONFIDENCE) ? 0.15f : 0.02f * largest;
        assertThat(rounded.get(output)).as(output).isNotEqualTo(values);
        assertThat(rounded.get(output)).as(output).containsExactly(values, within(tolerance));
      }
    }
  }

  private static Map<String, float[]> run(
      ModelDirectory model, Path file, List<int[]> rows, Set<String> outputs) {
    return OnnxRuntime.call(() -> {
      try (OrtSession session = OnnxRuntime.open(file, PROCESSOR)) {
        Map<String, OnnxTensor> inputs =
            OnnxInputs.of(model.config(), session.getInputNames(), rows);
        try (OrtSession.Result result = session.run(inputs, outputs)) {
          return outputs.stream()
              .collect(
                  Collectors.toMap(
                      name -> name, name -> floats((OnnxTensor) result.get(name).orElseThrow())));
        } finally {
          inputs.values().forEach(OnnxTensor::close);
        }
      }
    });
  }

  private static float[] floats(OnnxTensor tensor) {
    FloatBuffer values = tensor.getFloatBuffer();
    float[] floats = new float[values.remaining()];
    values.get(floats);
    return floats;
  }
}
