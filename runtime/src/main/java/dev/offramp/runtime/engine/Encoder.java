package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The layers of a BERT-family encoder on a device (Devlin et al., arXiv 1810.04805; post-norm). The
 * forward pass of one layer is {@link #layer}, readable from top to bottom.
 */
final class Encoder implements Layers {
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

  /** Input and output of a layer, (capacity, positions, hiddenSize). */
  private static final int HIDDEN = 0;

  /** (capacity, positions, the larger of 3 * hiddenSize and intermediateSize). */
  private static final int WIDE = 1;

  /** (capacity, positions, hiddenSize). */
  private static final int CONTEXT = 2;

  /** (capacity, positions, hiddenSize). */
  private static final int ATTENDED = 3;

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

  @Override
  public int shortestRow(int longest) {
    return 1;
  }

  @Override
  public int positions(int rowLength) {
    return rowLength;
  }

  @Override
  public Activations allocate(int capacity, int positions) {
    long hidden = (long) positions * architecture.hiddenSize();
    long wide = Math.max(3 * hidden, (long) positions * architecture.intermediateSize());
    return Activations.allocate(device, capacity, hidden, wide, hidden, hidden);
  }

  /** Token ids to hidden states. */
  @Override
  public void embed(LiveRows rows, Buffer ids, Activations x) {
    device.embed(rows, tables, ids, x.at(HIDDEN));
  }

  /** One transformer layer on the live rows. */
  @Override
  public void layer(int index, LiveRows rows, Activations x) {
    Layer layer = layers.get(index);
    int heads = architecture.heads();
    int headSize = architecture.hiddenSize() / heads;
    // Never needed at the same time: one buffer for both keeps more of the batch in the caches.
    Buffer qkv = x.at(WIDE);
    Buffer intermediate = x.at(WIDE);
    device.gemm(rows, layer.qkv, x.at(HIDDEN), Epilogue.BIAS, null, qkv);
    device.attention(rows, heads, headSize, qkv, x.at(CONTEXT));
    device.gemm(
        rows,
        layer.attentionOutput,
        x.at(CONTEXT),
        Epilogue.BIAS_RESIDUAL,
        x.at(HIDDEN),
        x.at(ATTENDED));
    device.layerNorm(rows, layer.attentionNorm, x.at(ATTENDED), x.at(ATTENDED));
    device.gemm(rows, layer.intermediate, x.at(ATTENDED), activation, null, intermediate);
    device.gemm(
        rows, layer.output, intermediate, Epilogue.BIAS_RESIDUAL, x.at(ATTENDED), x.at(HIDDEN));
    device.layerNorm(rows, layer.outputNorm, x.at(HIDDEN), x.at(HIDDEN));
  }

  private static Epilogue activation(String name) {
    return switch (name) {
      case "gelu" -> Epilogue.BIAS_GELU;
      case "relu" -> Epilogue.BIAS_RELU;
      default -> throw new IllegalArgumentException("activation " + name + " is not known");
    };
  }

  @Override
  public View view(int afterLayer, Head head, LiveRows rows, Activations x) {
    Pooling pooling = Pooling.valueOf(head.pooling().toUpperCase(Locale.ROOT));
    return new View(x.at(HIDDEN), pooling, architecture.hiddenSize());
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
    try (Arena arena = Arena.ofConfined()) {
      return owned.add(Weights.buffer(device, model.tensor(name).toF32(arena)));
    }
  }

  @Override
  public void close() {
    owned.close();
  }
}
