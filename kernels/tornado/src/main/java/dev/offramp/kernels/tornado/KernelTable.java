package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Precision;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import uk.ac.manchester.tornado.api.TaskGraph;

/**
 * The kernels by the names that {@link dev.offramp.kernels.gpu.Driver#launch} knows them by. Each
 * takes its operands in the order in which they are passed there; numbers come before them.
 */
final class KernelTable {
  /** What a graph must end with, see {@link TaskList}. */
  static final String NOTHING = "nothing";

  /** The product of cuBLAS, a library task: see {@link Cublas}. */
  static final String SGEMM = "cublas_sgemm";

  /** What follows it, in F32 as it is. */
  static final String FINISH = "finish_product";

  private static final String VECTOR = "_vector";

  private static final Map<String, Kernel> KERNELS = new HashMap<>();

  /** Whatever the precision, these are the same. */
  private static final Set<String> WITHOUT_ACTIVATIONS =
      Set.of(NOTHING, "compact", "list_tokens", "identity", "zero_words", "zero_bytes", "peak");

  /** Adds a task of that name to a graph. */
  @FunctionalInterface
  interface Kernel {
    void add(TaskGraph graph, String task, Views v);
  }

  static {
    rows();
    layers();
    exits();
    products();
    ImageKernelTable.addTo(KERNELS);
  }

  private KernelTable() {}

  private static void rows() {
    KERNELS.put(NOTHING, (g, t, v) -> g.task(t, RowKernels::nothing, v.context(), v.ints()));
    KERNELS.put(
        "compact",
        (g, t, v) ->
            g.task(t, RowKernels::compact, v.context(), v.ints(), v.floats(), v.i32(), v.f32()));
    KERNELS.put(
        "list_tokens",
        (g, t, v) -> g.task(t, RowKernels::listTokens, v.context(), v.ints(), v.i32()));
    KERNELS.put(
        "identity", (g, t, v) -> g.task(t, RowKernels::identity, v.context(), v.ints(), v.i32()));
    KERNELS.put(
        "zero_words",
        (g, t, v) -> g.task(t, RowKernels::zeroWords, v.context(), v.ints(), v.i32()));
    KERNELS.put(
        "zero_bytes",
        (g, t, v) -> g.task(t, RowKernels::zeroBytes, v.context(), v.ints(), v.bytes()));
  }

  private static void layers() {
    KERNELS.put(
        "layer_norm",
        (g, t, v) ->
            g.task(
                t,
                LayerKernels::layerNorm,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "layer_norm_vector",
        (g, t, v) ->
            g.task(
                t,
                VectorLayerKernels::layerNorm,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "embed",
        (g, t, v) ->
            g.task(
                t,
                LayerKernels::embed,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.i32(),
                v.f32()));
    KERNELS.put(
        "embed_vector",
        (g, t, v) ->
            g.task(
                t,
                VectorLayerKernels::embed,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.i32(),
                v.f32()));
    KERNELS.put(
        "attention_vector",
        (g, t, v) ->
            g.task(
                t,
                VectorLayerKernels::attention,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "attention_32",
        (g, t, v) ->
            g.task(
                t,
                AttentionKernels::attention32,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "attention_64",
        (g, t, v) ->
            g.task(
                t,
                AttentionKernels::attention64,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "attention_128",
        (g, t, v) ->
            g.task(
                t,
                AttentionKernels::attention128,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32()));
  }

  private static void exits() {
    KERNELS.put(
        "pool",
        (g, t, v) ->
            g.task(t, ExitKernels::pool, v.context(), v.ints(), v.i32(), v.f32(), v.f32()));
    KERNELS.put(
        "exit_head",
        (g, t, v) ->
            g.task(
                t,
                ExitKernels::exitHead,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.i32(),
                v.f32()));
  }

  private static void products() {
    KERNELS.put(
        "gemm_vector_6x32",
        (g, t, v) ->
            g.task(
                t,
                VectorGemmKernels::gemm,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "gemm_tile_32x32",
        (g, t, v) ->
            g.task(
                t,
                TileGemmKernels::gemm32,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "gemm_tile_64x64",
        (g, t, v) ->
            g.task(
                t,
                TileGemmKernels::gemm64,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        "gemm_tile_128x128",
        (g, t, v) ->
            g.task(
                t,
                TileGemmKernels::gemm128,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    KERNELS.put(
        SGEMM,
        (g, t, v) ->
            Sgemm.of(v.number(0), v.number(1), v.number(2), v.number(3) == 1)
                .add(g, t, v.f32(), v.f32(), v.f32()));
    KERNELS.put(
        FINISH,
        (g, t, v) ->
            g.task(t, Epilogues::finishProduct, v.context(), v.ints(), v.f32(), v.f32(), v.f32()));
    KERNELS.put(
        "peak",
        (g, t, v) -> g.task(t, PeakKernels::peak, v.context(), v.ints(), v.floats(), v.f32()));
    KERNELS.put(
        "peak_vector",
        (g, t, v) ->
            g.task(t, PeakKernels::peakVector, v.context(), v.ints(), v.floats(), v.f32()));
  }

  /** Kernels in Java for processors, which have wide vectors, or those for graphics cards. */
  static SortedSet<String> names(boolean processor, Precision precision) {
    SortedSet<String> names = new TreeSet<>(KERNELS.keySet());
    names.remove(SGEMM);
    names.removeIf(name -> name.contains(VECTOR) != processor);
    if (precision == Precision.F16) {
      names.remove(FINISH);
    }
    return names;
  }

  /**
   * @param processor whether kernels with wide vectors are wanted where both kinds have one name
   */
  static Kernel get(String name, boolean processor, Precision precision) {
    Kernel kernel = KERNELS.get(name);
    if (precision == Precision.F16 && !WITHOUT_ACTIVATIONS.contains(name)) {
      kernel = processor ? null : HalfKernelTable.KERNELS.get(name);
    } else if (processor) {
      kernel = KERNELS.getOrDefault(name + VECTOR, kernel);
    }
    if (kernel == null) {
      throw new IllegalArgumentException("there is no kernel " + name + " in " + precision);
    }
    return kernel;
  }
}
