package dev.offramp.runtime.bench;

import ai.onnxruntime.OnnxTensor;
import dev.offramp.models.ImagePreprocessing;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.OnnxExporter;
import dev.offramp.models.ResnetArchitecture;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Rows as the tensors that an ONNX file of a network takes. */
final class OnnxInputs {
  static final String TOKEN_TYPES = "token_type_ids";

  /** Inputs that can be made. */
  static final Set<String> KNOWN =
      Set.of(
          OnnxExporter.INPUT_IDS,
          OnnxExporter.ATTENTION_MASK,
          TOKEN_TYPES,
          OnnxExporter.PIXEL_VALUES);

  private OnnxInputs() {}

  /** Tensors with copies of the rows, by the names of the inputs. */
  static Map<String, OnnxTensor> of(ModelConfig config, Set<String> names, List<int[]> batch) {
    Map<String, OnnxTensor> inputs = new HashMap<>();
    int longest = batch.stream().mapToInt(row -> row.length).max().orElseThrow();
    for (String name : names) {
      OnnxTensor tensor =
          switch (name) {
            case OnnxExporter.INPUT_IDS -> tokens(batch, longest, false);
            case OnnxExporter.ATTENTION_MASK -> tokens(batch, longest, true);
            case TOKEN_TYPES -> longs(new long[batch.size() * longest], batch.size(), longest);
            case OnnxExporter.PIXEL_VALUES -> pixels(config, batch);
            default -> throw new IllegalStateException("no such input: " + name);
          };
      inputs.put(name, tensor);
    }
    return inputs;
  }

  /** Token ids, or 1 for each of them, and 0 for padding: I64 [rows, longest]. */
  private static OnnxTensor tokens(List<int[]> batch, int longest, boolean mask) {
    long[] values = new long[batch.size() * longest];
    for (int r = 0; r < batch.size(); r++) {
      int[] row = batch.get(r);
      for (int p = 0; p < row.length; p++) {
        values[r * longest + p] = mask ? 1 : row[p];
      }
    }
    return longs(values, batch.size(), longest);
  }

  private static OnnxTensor longs(long[] values, long... shape) {
    return OnnxRuntime.call(
        () -> OnnxTensor.createTensor(OnnxRuntime.environment(), LongBuffer.wrap(values), shape));
  }

  /** Normalized pixels, F32 [rows, channels, height, width]. */
  private static OnnxTensor pixels(ModelConfig config, List<int[]> batch) {
    ResnetArchitecture.Image image = config.resnet().image();
    ImagePreprocessing input = (ImagePreprocessing) config.preprocessing();
    int pixels = image.height() * image.width();
    FloatBuffer values = FloatBuffer.allocate(batch.size() * image.channels() * pixels);
    for (int[] row : batch) {
      for (int c = 0; c < image.channels(); c++) {
        for (int p = 0; p < pixels; p++) {
          double value = (row[p] >> 8 * c & 0xff) / 255.0;
          values.put((float) ((value - input.mean().get(c)) / input.std().get(c)));
        }
      }
    }
    long[] shape = {batch.size(), image.channels(), image.height(), image.width()};
    return OnnxRuntime.call(
        () -> OnnxTensor.createTensor(OnnxRuntime.environment(), values.flip(), shape));
  }
}
