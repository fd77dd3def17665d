package dev.offramp.models;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;

/**
 * What training added to a backbone, in a safetensors file: low-rank deltas (LoRA, Hu et al. 2021,
 * arXiv 2106.09685) and exit heads.
 *
 * <ul>
 *   <li>{@code X.lora_a} [rank, in] and {@code X.lora_b} [out, rank]: X.weight += lora_b · lora_a
 *   <li>{@code Y.delta}, of the shape of tensor Y: Y += delta
 *   <li>{@code exits.I.weight} [labels, hidden] and {@code exits.I.bias} [labels]
 * </ul>
 *
 * Metadata: {@code exits} and {@code labels} as JSON lists like in config.json; optionally {@code
 * maxTokens}, {@code name}, and {@code backbone}, the artifact it was trained on.
 */
final class Adapter {
  private static final String LORA_A = ".lora_a";
  private static final String LORA_B = ".lora_b";
  private static final String DELTA = ".delta";
  private static final String WEIGHT = ".weight";

  private final Path file;
  private final Safetensors contents;

  private Adapter(Path file, Safetensors contents) {
    this.file = file;
    this.contents = contents;
  }

  static Adapter open(Path file, Arena arena) {
    return new Adapter(file, Safetensors.open(file, arena));
  }

  List<Exit> exits() {
    return Exit.listOf(contents.json(file, "exits"));
  }

  List<String> labels() {
    return contents.json(file, "labels").list().stream().map(Json::string).toList();
  }

  OptionalInt maxTokens() {
    return contents.metadata().containsKey("maxTokens")
        ? OptionalInt.of(contents.json(file, "maxTokens").smallInteger())
        : OptionalInt.empty();
  }

  Optional<String> name() {
    return Optional.ofNullable(contents.metadata().get("name"));
  }

  /** The artifact it was trained on. */
  Optional<String> backbone() {
    return Optional.ofNullable(contents.metadata().get("backbone"));
  }

  /**
   * The backbone's tensors with the deltas added, then the exit heads; merged tensors are new F32
   * ones in the arena.
   *
   * @throws InputException if a delta has no tensor to go to or another shape
   */
  SequencedMap<String, Tensor> merge(SequencedMap<String, Tensor> backbone, Arena arena) {
    SequencedMap<String, Tensor> merged = new LinkedHashMap<>(backbone);
    for (Map.Entry<String, Tensor> entry : contents.tensors().entrySet()) {
      String name = entry.getKey();
      Tensor delta = entry.getValue();
      if (!delta.type().isFloat()) {
        throw error(name, "is " + delta.type() + "; store it as F32 or F16");
      }
      if (name.endsWith(LORA_A)) {
        String linear = stem(name, LORA_A);
        Tensor base = base(merged, name, linear + WEIGHT);
        Tensor loraB = partner(name, linear + LORA_B);
        merged.put(linear + WEIGHT, addProduct(base, loraB, delta, arena));
      } else if (name.endsWith(LORA_B)) {
        partner(name, stem(name, LORA_B) + LORA_A);
      } else if (name.endsWith(DELTA)) {
        Tensor base = base(merged, name, stem(name, DELTA));
        merged.put(base.name(), add(base, delta, arena));
      } else if (ModelTensors.isOfExit(name)) {
        merged.put(name, delta);
      } else {
        throw error(name, "is neither a delta nor an exit head; write the adapter again");
      }
    }
    return merged;
  }

  private static String stem(String name, String ending) {
    return name.substring(0, name.length() - ending.length());
  }

  private Tensor partner(String name, String other) {
    Tensor partner = contents.tensors().get(other);
    if (partner == null) {
      throw error(name, "has no " + other + " beside it; write the adapter again");
    }
    return partner;
  }

  private Tensor base(SequencedMap<String, Tensor> backbone, String name, String base) {
    Tensor tensor = backbone.get(base);
    if (tensor == null) {
      throw error(name, "the backbone has no " + base + "; import the one it was trained on");
    }
    return tensor;
  }

  /** base [out, in] + b [out, rank] · a [rank, in]. */
  private Tensor addProduct(Tensor base, Tensor b, Tensor a, Arena arena) {
    boolean fits =
        base.shape().size() == 2
            && a.shape().size() == 2
            && b.shape().size() == 2
            && a.shape().get(1).equals(base.shape().get(1))
            && b.shape().get(0).equals(base.shape().get(0))
            && a.shape().get(0).equals(b.shape().get(1));
    if (!fits) {
      throw error(
          a.name(),
          a.shape()
              + " and lora_b "
              + b.shape()
              + " do not fit "
              + base.name()
              + " "
              + base.shape()
              + "; import the backbone it was trained on");
    }
    int out = Math.toIntExact(base.shape().get(0));
    int in = Math.toIntExact(base.shape().get(1));
    int rank = Math.toIntExact(a.shape().get(0));
    float[] left = b.toFloats();
    float[] right = a.toFloats();
    MemorySegment sum = base.copyF32(arena);
    float[] row = new float[in];
    for (int o = 0; o < out; o++) {
      MemorySegment.copy(sum, Tensor.FLOAT, 4L * o * in, row, 0, in);
      for (int r = 0; r < rank; r++) {
        float factor = left[o * rank + r];
        for (int i = 0; i < in; i++) {
          row[i] += factor * right[r * in + i];
        }
      }
      MemorySegment.copy(row, 0, sum, Tensor.FLOAT, 4L * o * in, in);
    }
    return new Tensor(base.name(), TensorType.F32, base.shape(), sum);
  }

  private Tensor add(Tensor base, Tensor delta, Arena arena) {
    if (!base.shape().equals(delta.shape())) {
      throw error(
          delta.name(),
          delta.shape()
              + " does not fit "
              + base.name()
              + " "
              + base.shape()
              + "; import the backbone it was trained on");
    }
    MemorySegment sum = Tensor.allocateF32(arena, base.elements());
    for (long i = 0; i < base.elements(); i++) {
      sum.setAtIndex(Tensor.FLOAT, i, base.floatAt(i) + delta.floatAt(i));
    }
    return new Tensor(base.name(), TensorType.F32, base.shape(), sum);
  }

  private InputException error(String tensor, String problemAndRemedy) {
    return InputException.in(file, tensor, problemAndRemedy);
  }
}
