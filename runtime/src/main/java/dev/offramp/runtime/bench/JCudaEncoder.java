package dev.offramp.runtime.bench;

import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import dev.offramp.runtime.bench.JCudaDevice.Room;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasOperation;

/**
 * A BERT encoder (Devlin et al., arXiv 1810.04805; post-norm) and its last exit head by JCuda and
 * cuBLAS, in fp32. {@link #forward} is readable from top to bottom. Texts are padded to the longest
 * of their batch.
 */
final class JCudaEncoder implements AutoCloseable {
  private static final List<String> POOLINGS = List.of("mean", "first", "max");
  private static final List<String> CONFIDENCES = List.of("top1", "margin", "entropy");
  private static final Pointer ONE = Pointer.to(new float[] {1});
  private static final Pointer ZERO = Pointer.to(new float[] {0});
  private static final int NO_ACTIVATION = 0;

  private final JCudaDevice device;
  private final BertArchitecture sizes;
  private final float epsilon;
  private final int activation;
  private final Room weights = new Room();
  private final CUdeviceptr words;
  private final CUdeviceptr positions;
  private final CUdeviceptr types;
  private final Norm norm;
  private final List<Layer> layers = new ArrayList<>();
  private final Head head;
  private final Linear classifier;

  /** weight (outputs, inputs), bias (outputs). */
  private record Linear(CUdeviceptr weight, CUdeviceptr bias, int inputs, int outputs) {}

  /** gamma and beta (hidden). */
  private record Norm(CUdeviceptr gamma, CUdeviceptr beta) {}

  private record Layer(
      Linear qkv,
      Linear attentionOutput,
      Norm attentionNorm,
      Linear intermediate,
      Linear output,
      Norm outputNorm) {}

  /**
   * Buffers on the device, all for the largest batch.
   *
   * @param ids (rows, tokens) ints, then lengths (rows)
   * @param x input and output of a layer, (rows, tokens, hidden)
   * @param wide (rows, tokens, the larger of 3 * hidden and intermediate)
   * @param context (rows, tokens, hidden)
   * @param product (rows, tokens, hidden)
   * @param attended (rows, tokens, hidden)
   * @param scores (rows, heads, tokens, tokens)
   * @param pooled (rows, hidden)
   * @param logits (rows, classes)
   * @param results (rows) predictions, ints, then confidences
   */
  record Buffers(
      CUdeviceptr ids,
      CUdeviceptr x,
      CUdeviceptr wide,
      CUdeviceptr context,
      CUdeviceptr product,
      CUdeviceptr attended,
      CUdeviceptr scores,
      CUdeviceptr pooled,
      CUdeviceptr logits,
      CUdeviceptr results) {}

  /**
   * Where attention finds queries, keys, values, scores and results of each row and head: five
   * arrays of addresses (rows, heads) on the device, as batched products take them.
   */
  record Addresses(
      CUdeviceptr queries,
      CUdeviceptr keys,
      CUdeviceptr values,
      CUdeviceptr scores,
      CUdeviceptr context) {}

  /** Copies the weights to the device. */
  JCudaEncoder(JCudaDevice device, ModelDirectory model) {
    this.device = device;
    this.sizes = model.config().bert();
    this.epsilon = (float) sizes.layerNormEpsilon();
    this.activation = 1 + List.of("gelu", "relu").indexOf(sizes.activation());
    try {
      words = upload(model, "embeddings.word_embeddings.weight");
      positions = upload(model, "embeddings.position_embeddings.weight");
      types = upload(model, "embeddings.token_type_embeddings.weight");
      norm = norm(model, "embeddings.LayerNorm");
      for (int i = 0; i < sizes.layers(); i++) {
        String name = "encoder.layer." + i + ".";
        String self = name + "attention.self.";
        layers.add(
            new Layer(
                linear(model, self + "query", self + "key", self + "value"),
                linear(model, name + "attention.output.dense"),
                norm(model, name + "attention.output.LayerNorm"),
                linear(model, name + "intermediate.dense"),
                linear(model, name + "output.dense"),
                norm(model, name + "output.LayerNorm")));
      }
      int last = model.config().exits().size() - 1;
      head = last < 0 ? Head.ofText("mean", "top1") : model.config().exits().get(last).head();
      classifier = last < 0 ? null : linear(model, "exits." + last);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Linear linear(ModelDirectory model, String... names) {
    String[] parts = Stream.of(names).map(name -> name + ".weight").toArray(String[]::new);
    String[] biases = Stream.of(names).map(name -> name + ".bias").toArray(String[]::new);
    List<Long> shape = model.tensor(parts[0]).shape();
    return new Linear(
        upload(model, parts),
        upload(model, biases),
        shape.get(1).intValue(),
        names.length * shape.get(0).intValue());
  }

  private Norm norm(ModelDirectory model, String name) {
    return new Norm(upload(model, name + ".weight"), upload(model, name + ".bias"));
  }

  /** Tensors one behind the other, as floats. */
  private CUdeviceptr upload(ModelDirectory model, String... names) {
    List<Tensor> tensors = Stream.of(names).map(model::tensor).toList();
    CUdeviceptr target =
        weights.allocate(Float.BYTES * tensors.stream().mapToLong(Tensor::elements).sum());
    long at = 0;
    for (Tensor tensor : tensors) {
      long bytes = Float.BYTES * tensor.elements();
      try (Arena arena = Arena.ofConfined()) {
        Pointer source = Pointer.toBuffer(tensor.toF32(arena).asByteBuffer());
        JCudaDriver.cuMemcpyHtoD(target.withByteOffset(at), source, bytes);
      }
      at += bytes;
    }
    return target;
  }

  int hidden() {
    return sizes.hiddenSize();
  }

  boolean hasHead() {
    return classifier != null;
  }

  /** Buffers for batches of so many rows and positions, padding included, and so many scores. */
  Buffers allocate(Room room, long rows, long positions, long scores) {
    long wide = Math.max(3 * sizes.hiddenSize(), sizes.intermediateSize());
    long hidden = Float.BYTES * positions * sizes.hiddenSize();
    return new Buffers(
        room.allocate(Integer.BYTES * (positions + rows)),
        room.allocate(hidden),
        room.allocate(Float.BYTES * positions * wide),
        room.allocate(hidden),
        room.allocate(hidden),
        room.allocate(hidden),
        room.allocate(Float.BYTES * scores),
        room.allocate(Float.BYTES * rows * sizes.hiddenSize()),
        room.allocate(Float.BYTES * rows * (hasHead() ? classifier.outputs() : 1)),
        room.allocate(2L * Float.BYTES * rows));
  }

  /** Scores of all heads of a batch. */
  long scores(int rows, int tokens) {
    return (long) rows * sizes.heads() * tokens * tokens;
  }

  /** The addresses for batches of that shape. */
  Addresses addresses(Room room, Buffers buffers, int rows, int tokens) {
    int hidden = sizes.hiddenSize();
    int size = hidden / sizes.heads();
    CUdeviceptr[][] arrays = new CUdeviceptr[5][rows * sizes.heads()];
    for (int i = 0; i < rows * sizes.heads(); i++) {
      long token = (long) (i / sizes.heads()) * tokens;
      long column = (long) (i % sizes.heads()) * size;
      for (int part = 0; part < 3; part++) {
        arrays[part][i] = at(buffers.wide, token * 3 * hidden + (long) part * hidden + column);
      }
      arrays[3][i] = at(buffers.scores, (long) i * tokens * tokens);
      arrays[4][i] = at(buffers.context, token * hidden + column);
    }
    CUdeviceptr[] copies = new CUdeviceptr[5];
    for (int a = 0; a < 5; a++) {
      long bytes = (long) Long.BYTES * arrays[a].length;
      copies[a] = room.allocate(bytes);
      JCudaDriver.cuMemcpyHtoD(copies[a], Pointer.to(arrays[a]), bytes);
    }
    return new Addresses(copies[0], copies[1], copies[2], copies[3], copies[4]);
  }

  private static CUdeviceptr at(CUdeviceptr memory, long floats) {
    return memory.withByteOffset(Float.BYTES * floats);
  }

  /** Queues all layers, pooling and the head on the ids and lengths that were copied before. */
  void forward(Buffers b, Addresses addresses, int rows, int tokens) {
    int all = rows * tokens;
    int hidden = sizes.hiddenSize();
    CUdeviceptr lengths = at(b.ids, all);
    device.launch(
        "embed",
        all,
        b.ids,
        tokens,
        words,
        positions,
        types,
        norm.gamma,
        norm.beta,
        epsilon,
        hidden,
        b.x);
    for (Layer layer : layers) {
      product(b.x, layer.qkv, b.wide, all);
      device.launch("add_bias", all, b.wide, layer.qkv.bias, 3 * hidden, NO_ACTIVATION);
      attention(b, addresses, lengths, rows, tokens);
      product(b.context, layer.attentionOutput, b.product, all);
      addNorm(b.product, layer.attentionOutput, b.x, layer.attentionNorm, b.attended, all);
      product(b.attended, layer.intermediate, b.wide, all);
      int inner = layer.intermediate.outputs;
      device.launch("add_bias", all, b.wide, layer.intermediate.bias, inner, activation);
      product(b.wide, layer.output, b.product, all);
      addNorm(b.product, layer.output, b.attended, layer.outputNorm, b.x, all);
    }
    int pooling = POOLINGS.indexOf(head.pooling());
    device.launch("pool", rows, b.x, lengths, tokens, hidden, pooling, b.pooled);
    if (hasHead()) {
      product(b.pooled, classifier, b.logits, rows);
      int confidence = CONFIDENCES.indexOf(head.confidence());
      device.launch(
          "judge",
          (rows + 127) / 128,
          b.logits,
          classifier.bias,
          rows,
          classifier.outputs,
          confidence,
          b.results,
          at(b.results, rows));
    }
  }

  /** out (lines, outputs) = in (lines, inputs) by the transposed weight; the bias is left out. */
  private void product(CUdeviceptr in, Linear map, CUdeviceptr out, int lines) {
    // cuBLAS has columns for rows: the transposed out = weight * transposed in.
    JCublas2.cublasSgemm(
        device.cublas,
        cublasOperation.CUBLAS_OP_T,
        cublasOperation.CUBLAS_OP_N,
        map.outputs,
        lines,
        map.inputs,
        ONE,
        map.weight,
        map.inputs,
        in,
        map.inputs,
        ZERO,
        out,
        map.outputs);
  }

  private void addNorm(
      CUdeviceptr product,
      Linear map,
      CUdeviceptr residual,
      Norm norm,
      CUdeviceptr out,
      int lines) {
    device.launch(
        "add_norm",
        lines,
        product,
        map.bias,
        residual,
        norm.gamma,
        norm.beta,
        epsilon,
        sizes.hiddenSize(),
        out);
  }

  private void attention(
      Buffers b, Addresses addresses, CUdeviceptr lengths, int rows, int tokens) {
    int hidden = sizes.hiddenSize();
    int heads = sizes.heads();
    int size = hidden / heads;
    int lines = rows * heads * tokens;
    JCublas2.cublasSgemmBatched(
        device.cublas,
        cublasOperation.CUBLAS_OP_T,
        cublasOperation.CUBLAS_OP_N,
        tokens,
        tokens,
        size,
        ONE,
        addresses.keys,
        3 * hidden,
        addresses.queries,
        3 * hidden,
        ZERO,
        addresses.scores,
        tokens,
        rows * heads);
    float scale = (float) (1 / Math.sqrt(size));
    device.launch("softmax", (lines + 3) / 4, b.scores, lengths, lines, heads, tokens, scale);
    JCublas2.cublasSgemmBatched(
        device.cublas,
        cublasOperation.CUBLAS_OP_N,
        cublasOperation.CUBLAS_OP_N,
        size,
        tokens,
        tokens,
        ONE,
        addresses.values,
        3 * hidden,
        addresses.scores,
        tokens,
        ZERO,
        addresses.context,
        hidden,
        rows * heads);
  }

  @Override
  public void close() {
    weights.close();
  }
}
