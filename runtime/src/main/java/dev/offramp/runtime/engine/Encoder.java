package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The layers of a BERT-family encoder on a device (Devlin et al., arXiv 1810.04805; post-norm). The
 * forward pass of one layer is {@link #layer}, readable from top to bottom.
 */
final class Encoder implements AutoCloseable {
  private static final String EMBEDDINGS = "embeddings.";

  private final Device device;
  private final BertArchitecture architecture;
  private final Epilogue activation;
  private final Scope owned = new Scope();
  private final EmbeddingTables tables;
  private final List<Layer> layers = new ArrayList<>();

  private record Layer(
      Linear qkv,
      Linear attentionOutput,
      Normalization attentionNorm,
      Linear intermediate,
      Linear output,
      Normalization outputNorm) {}

  /** Activations of one batch; every buffer is [capacity, positions, width]. */
  record Activations(
      Buffer hidden, // (capacity, positions, hiddenSize): input and output of a layer
      Buffer wide, // (capacity, positions, the larger of 3 * hiddenSize and intermediateSize)
      Buffer context, // (capacity, positions, hiddenSize)
      Buffer attended) // (capacity, positions, hiddenSize)
      implements AutoCloseable {
    static Activations allocate(Device device, BertArchitecture a, int capacity, int positions) {
      long tokens = (long) capacity * positions;
      int wide = Math.max(3 * a.hiddenSize(), a.intermediateSize());
      try (var scope = new Scope()) {
        var made =
            new Activations(
                scope.add(device.allocate(device.activations(), tokens * a.hiddenSize())),
                scope.add(device.allocate(device.activations(), tokens * wide)),
                scope.add(device.allocate(device.activations(), tokens * a.hiddenSize())),
                scope.add(device.allocate(device.activations(), tokens * a.hiddenSize())));
        scope.release();
        return made;
      }
    }

    @Override
    public void close() {
      hidden.close();
      wide.close();
      context.close();
      attended.close();
    }
  }

  Encoder(Device device, ModelDirectory model) {
    this.device = device;
    this.architecture = model.config().bert();
    this.activation = activation(architecture.activation());
    try (var failed = new Scope()) {
      failed.add(owned);
      tables =
          new EmbeddingTables(
              buffer(model, EMBEDDINGS + "word_embeddings.weight"),
              buffer(model, EMBEDDINGS + "position_embeddings.weight"),
              buffer(model, EMBEDDINGS + "token_type_embeddings.weight"),
              normalization(model, EMBEDDINGS + "LayerNorm"));
      for (int l = 0; l < architecture.layers(); l++) {
        String name = "encoder.layer." + l + ".";
        layers.add(
            new Layer(
                queriesKeysValues(model, name + "attention.self."),
                linear(model, name + "attention.output.dense"),
                normalization(model, name + "attention.output.LayerNorm"),
                linear(model, name + "intermediate.dense"),
                linear(model, name + "output.dense"),
                normalization(model, name + "output.LayerNorm")));
      }
      failed.release();
    }
  }

  /** Input layer: token ids, I32 [capacity, positions], to hidden states. */
  void embed(LiveRows rows, Buffer ids, Activations x) {
    device.embed(rows, tables, ids, x.hidden());
  }

  /** One transformer layer on the live rows; reads and writes {@code x.hidden()}. */
  void layer(int index, LiveRows rows, Activations x) {
    Layer layer = layers.get(index);
    int heads = architecture.heads();
    int headSize = architecture.hiddenSize() / heads;
    // Never needed at the same time: one buffer for both keeps more of the batch in the caches.
    Buffer qkv = x.wide();
    Buffer intermediate = x.wide();
    device.gemm(rows, layer.qkv, x.hidden(), Epilogue.BIAS, null, qkv);
    device.attention(rows, heads, headSize, qkv, x.context());
    device.gemm(
        rows, layer.attentionOutput, x.context(), Epilogue.BIAS_RESIDUAL, x.hidden(), x.attended());
    device.layerNorm(rows, layer.attentionNorm, x.attended(), x.attended());
    device.gemm(rows, layer.intermediate, x.attended(), activation, null, intermediate);
    device.gemm(rows, layer.output, intermediate, Epilogue.BIAS_RESIDUAL, x.attended(), x.hidden());
    device.layerNorm(rows, layer.outputNorm, x.hidden(), x.hidden());
  }

  private static Epilogue activation(String name) {
    return switch (name) {
      case "gelu" -> Epilogue.BIAS_GELU;
      case "relu" -> Epilogue.BIAS_RELU;
      default -> throw new IllegalArgumentException("activation " + name + " is not known");
    };
  }

  /** Uploads the head of an exit. */
  static Linear head(Device device, ModelDirectory model, int exit) {
    Tensor weight = model.tensor("exits." + exit + ".weight");
    Tensor bias = model.tensor("exits." + exit + ".bias");
    try (Arena arena = Arena.ofConfined()) {
      return device.head(
          Math.toIntExact(weight.shape().get(1)),
          Math.toIntExact(weight.shape().get(0)),
          weight.toF32(arena),
          DataType.F32,
          bias.toF32(arena));
    }
  }

  private Linear linear(ModelDirectory model, String name) {
    Tensor weight = model.tensor(name + ".weight");
    Tensor bias = model.tensor(name + ".bias");
    try (Arena arena = Arena.ofConfined()) {
      return owned.add(
          device.linear(
              Math.toIntExact(weight.shape().get(1)),
              Math.toIntExact(weight.shape().get(0)),
              weight.toF32(arena),
              DataType.F32,
              bias.toF32(arena)));
    }
  }

  /** One map for queries, keys and values: one GEMM reads the hidden states once. */
  private Linear queriesKeysValues(ModelDirectory model, String name) {
    int hidden = architecture.hiddenSize();
    long matrix = (long) hidden * hidden * Float.BYTES;
    long vector = (long) hidden * Float.BYTES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment weight = arena.allocate(3 * matrix, Float.BYTES);
      MemorySegment bias = arena.allocate(3 * vector, Float.BYTES);
      int part = 0;
      for (String which : List.of("query", "key", "value")) {
        MemorySegment w = model.tensor(name + which + ".weight").toF32(arena);
        MemorySegment b = model.tensor(name + which + ".bias").toF32(arena);
        MemorySegment.copy(w, 0, weight, part * matrix, matrix);
        MemorySegment.copy(b, 0, bias, part * vector, vector);
        part++;
      }
      return owned.add(device.linear(hidden, 3 * hidden, weight, DataType.F32, bias));
    }
  }

  private Normalization normalization(ModelDirectory model, String name) {
    return new Normalization(
        buffer(model, name + ".weight"),
        buffer(model, name + ".bias"),
        (float) architecture.layerNormEpsilon());
  }

  private Buffer buffer(ModelDirectory model, String name) {
    Tensor tensor = model.tensor(name);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = tensor.toF32(arena);
      Buffer buffer = owned.add(device.allocate(DataType.F32, data.byteSize() / Float.BYTES));
      device.copyIn(data, buffer, 0).await();
      return buffer;
    }
  }

  @Override
  public void close() {
    owned.close();
  }
}
