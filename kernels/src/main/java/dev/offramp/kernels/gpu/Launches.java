package dev.offramp.kernels.gpu;

import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Traits.Dialect;

/** Which kernel, grid and arguments an operation takes; arguments have been checked. */
final class Launches {
  /** Sizes that attention.c is compiled for; smaller heads take the next larger one. */
  static final int[] HEAD_SIZES = {32, 64, 128};

  /** Likewise attention_tensor.cu; 128 would not fit into the registers. */
  static final int[] TENSOR_HEAD_SIZES = {32, 64};

  private static final int LANES = 32;
  private static final int TEAMS = 8;
  private static final int HEAD_TEAMS = 8;
  private static final int SPLITS = 4;
  private static final int QUERIES = 32;
  private static final int TENSOR_QUERIES = 16;
  private static final int TENSOR_WARPS = 4;
  private static final int SCAN = 256;
  private static final int POOL_ITEMS = 128;

  /** Up to so many rows the one group that compacts lists their positions too. */
  private static final int LISTED_AT_ONCE = 256;

  /** Positions that a work item of the vector kernels takes. */
  private static final int VECTOR_BLOCK = 16;

  private static final int VECTOR_WIDEST = 4096;
  private static final int VECTOR_LONGEST = 2048;

  private final Driver driver;
  private final boolean vector;
  private final boolean vectorExits; // kernels in Java have exit heads by groups on processors too
  private final boolean tensor;

  Launches(Driver driver) {
    this.driver = driver;
    vector = driver.traits().processor();
    vectorExits = vector && driver.traits().dialect() != Dialect.JAVA;
    tensor =
        driver.traits().dialect() == Dialect.CUDA && driver.info().precision() == Precision.F16;
  }

  /** Widest line that can be normalized. */
  int widest() {
    return vector ? VECTOR_WIDEST : Integer.MAX_VALUE;
  }

  int largestHead() {
    return vector ? 512 : HEAD_SIZES[HEAD_SIZES.length - 1];
  }

  int longestAttention() {
    return vector ? VECTOR_LONGEST : Integer.MAX_VALUE;
  }

  private static Memory memory(Object buffer) {
    return buffer == null ? null : ((GpuBuffer) buffer).memory();
  }

  private Grid positions(Bounds bounds) {
    return vector
        ? Grid.of(groups(bounds.tokens(), VECTOR_BLOCK), 1)
        : Grid.of(groups(bounds.tokens(), TEAMS), LANES, TEAMS);
  }

  private static int groups(int count, int each) {
    return Math.ceilDiv(count, each);
  }

  void layerNorm(Bounds bounds, GpuRows rows, Normalization norm, Memory in, Memory out) {
    driver.launch(
        vector ? "layer_norm_vector" : "layer_norm",
        positions(bounds),
        rows.table(),
        rows.capacity(),
        norm.width(),
        norm.epsilon(),
        memory(norm.gamma()),
        memory(norm.beta()),
        in,
        out);
  }

  void embed(
      Bounds bounds, GpuRows rows, EmbeddingTables tables, int vocabulary, Memory ids, Memory out) {
    Normalization norm = tables.normalization();
    driver.launch(
        vector ? "embed_vector" : "embed",
        positions(bounds),
        rows.table(),
        rows.capacity(),
        norm.width(),
        norm.epsilon(),
        memory(norm.gamma()),
        memory(norm.beta()),
        memory(tables.words()),
        vocabulary,
        memory(tables.positions()),
        memory(tables.types()),
        ids,
        out);
  }

  void attention(Bounds bounds, GpuRows rows, int heads, int headSize, Memory qkv, Memory out) {
    String kernel = "attention_vector";
    Grid grid = Grid.of((long) bounds.rows() * heads, 1);
    if (!vector) {
      int size = HEAD_SIZES[0];
      for (int i = 1; size < headSize; i++) {
        size = HEAD_SIZES[i];
      }
      if (tensor && headSize % 8 == 0 && size <= TENSOR_HEAD_SIZES[1]) {
        kernel = "attention_tensor_" + size;
        long units = (long) heads * groups(bounds.positions(), TENSOR_QUERIES);
        long down = Math.ceilDiv(units, TENSOR_WARPS);
        grid = Grid.of(bounds.rows(), down, LANES * TENSOR_WARPS, 1);
      } else {
        kernel = "attention_" + size;
        int rounds = groups(bounds.positions(), QUERIES);
        grid = Grid.of((long) bounds.rows() * heads, rounds, LANES, SPLITS);
      }
    }
    driver.launch(
        kernel,
        grid,
        rows.table(),
        rows.capacity(),
        heads,
        headSize,
        (float) (1 / Math.sqrt(headSize)),
        qkv,
        out);
  }

  void pool(Bounds bounds, GpuRows rows, Pooling pooling, int width, Memory in, Memory out) {
    driver.launch(
        "pool",
        Grid.of(bounds.rows(), POOL_ITEMS),
        rows.table(),
        rows.capacity(),
        pooling.ordinal(),
        width,
        in,
        out);
  }

  /**
   * @param work F32 [capacity, width + classes]
   */
  void exitHead(
      Bounds bounds,
      GpuRows rows,
      Pooling pooling,
      GpuLinear head,
      Memory in,
      Memory work,
      ExitSignal signal) {
    driver.launch(
        vectorExits ? "exit_head_vector" : "exit_head",
        vectorExits ? Grid.of(bounds.rows(), 1) : Grid.of(bounds.rows(), LANES, HEAD_TEAMS),
        rows.table(),
        rows.capacity(),
        pooling.ordinal(),
        head.inputs(),
        head.outputs(),
        in,
        head.weight(),
        head.bias(),
        work,
        signal.capacity(),
        memory(signal.scores()),
        memory(signal.predictions()),
        memory(signal.probabilities()));
  }

  /**
   * @param line first of the scores that count
   */
  void compact(Bounds bounds, GpuRows rows, ExitSignal signal, int line, float lambda) {
    driver.launch(
        "compact",
        Grid.of(1, SCAN),
        rows.table(),
        rows.capacity(),
        memory(signal.scores()),
        line,
        lambda,
        bounds.rows() <= LISTED_AT_ONCE ? 1 : 0);
    if (bounds.rows() > LISTED_AT_ONCE) {
      rows.listTokens(bounds.rows());
    }
  }
}
