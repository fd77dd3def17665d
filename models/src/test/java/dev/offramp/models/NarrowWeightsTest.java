package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights that are not F32, at import. */
class NarrowWeightsTest {
  @TempDir private Path temp;

  @ParameterizedTest
  @EnumSource(names = {"F64", "F16", "BF16"})
  void aNetworkOfAnyFloatsIsThatOfTheirValuesAsF32(TensorType type) {
    SequencedMap<String, Tensor> stored = new LinkedHashMap<>();
    SequencedMap<String, Tensor> floats = new LinkedHashMap<>();
    ForeignResnet.bottleneck()
        .hub
        .forEach((name, tensor) -> {
          Tensor other = tensor.type().isFloat() ? as(type, tensor) : tensor;
          stored.put(name, other);
          floats.put(
              name,
              tensor.type().isFloat()
                  ? Tensor.ofFloats(name, TinyModel.floats(other), shape(other))
                  : other);
        });
    try (ModelDirectory a = imported("stored", stored);
        ModelDirectory b = imported("floats", floats)) {
      assertThat(a.tensors().keySet()).isEqualTo(b.tensors().keySet());
      b.tensors()
          .forEach((name, tensor) ->
              assertThat(TinyModel.floats(a.tensor(name))).isEqualTo(TinyModel.floats(tensor)));
      assertThat(a.tensors().values()).allMatch(tensor -> tensor.type().isFloat());
    }
  }

  private ModelDirectory imported(String name, SequencedMap<String, Tensor> tensors) {
    Path file = temp.resolve(name + ".safetensors");
    Safetensors.write(file, tensors, Map.of());
    Path out = temp.resolve(name);
    Importer.importModel(file.toString(), out, ImportOptions.defaults());
    return ModelDirectory.open(out);
  }

  @Test
  void anEncoderOfDoublesIsRounded() throws IOException {
    Path source = TinyModel.writeHuggingFace(temp, "bert.");
    SequencedMap<String, Tensor> doubles = new LinkedHashMap<>();
    TinyModel.tensors(TinyModel.backbone())
        .forEach((name, tensor) -> doubles.put("bert." + name, as(TensorType.F64, tensor)));
    Safetensors.write(source, doubles, Map.of());
    Path out = temp.resolve("out");
    Importer.importModel(source.toString(), out, ImportOptions.defaults());
    try (ModelDirectory model = ModelDirectory.open(out)) {
      TinyModel.tensors(TinyModel.backbone())
          .forEach((name, tensor) ->
              assertThat(TinyModel.floats(model.tensor(name))).isEqualTo(TinyModel.floats(tensor)));
    }
  }

  @Test
  void whatF32CannotHoldIsRefused() {
    SequencedMap<String, Tensor> tensors = ForeignResnet.basic(1).hub;
    tensors.put("classifier.1.bias", doubles(1, 2, 3.5e38, 4));
    refuses(tensors, "classifier.1.bias: holds 3.5E38, which is out of the range of F32");
    tensors.put("classifier.1.bias", doubles(1, 2, -1e300, 4));
    refuses(tensors, "classifier.1.bias: holds -1.0E300, which is out of the range of F32");
    tensors.put("classifier.1.bias", doubles(1, 2, Double.NEGATIVE_INFINITY, 4));
    refuses(tensors, "classifier.1.bias: holds NaN or infinite values");
    tensors.put("classifier.1.bias", doubles(1, 2, 3.4028235e38, 1e-320));
    try (ModelDirectory model = imported("large", tensors)) {
      assertThat(TinyModel.floats(model.tensor("exits.0.bias")))
          .containsExactly(1, 2, Float.MAX_VALUE, 0);
    }
  }

  private void refuses(SequencedMap<String, Tensor> tensors, String message) {
    assertThatThrownBy(() -> imported("bad", tensors))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  /** Only importers round: what a model directory holds is what is computed with. */
  @Test
  void aModelDirectoryHoldsNoDoubles() {
    Path path = TinyImageModel.write(temp.resolve("model"), TinyImageModel.BASIC);
    SequencedMap<String, Tensor> tensors = TinyImageModel.tensors(TinyImageModel.BASIC);
    tensors.put("stem.bias", as(TensorType.F64, tensors.get("stem.bias")));
    Safetensors.write(path.resolve("model.safetensors"), tensors, Map.of());
    assertThatThrownBy(() -> ModelDirectory.open(path))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("stem.bias: is F64; store weights as F32, F16 or BF16");
  }

  private static long[] shape(Tensor tensor) {
    return tensor.shape().stream().mapToLong(i -> i).toArray();
  }

  private static Tensor doubles(double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      bytes.putDouble(value);
    }
    return new Tensor(
        "doubles",
        TensorType.F64,
        Tensor.boxed(values.length),
        MemorySegment.ofArray(bytes.array()));
  }

  /** The tensor's numbers in another type, doubles with more digits than floats have. */
  private static Tensor as(TensorType type, Tensor tensor) {
    float[] values = TinyModel.floats(tensor);
    ByteBuffer bytes =
        ByteBuffer.allocate(type.bytes() * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (type) {
        case F64 -> bytes.putDouble(value * (1 + 1e-9));
        case F16 -> bytes.putShort(Float.floatToFloat16(value));
        default -> bytes.putShort((short) (Float.floatToIntBits(value) >>> 16));
      }
    }
    return new Tensor(tensor.name(), type, tensor.shape(), MemorySegment.ofArray(bytes.array()));
  }
}
