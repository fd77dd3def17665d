package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Matrix products of cuBLASLt. It takes columns one after the other where Offramp has rows, so out
 * = in W is computed as its transpose: (outputs, rows) = W (outputs, inputs) in (inputs, rows).
 */
final class CublasLt implements DenseProduct, AutoCloseable {
  private static final long WORKSPACE_BYTES = 32L << 20;
  private static final int HEURISTIC_RESULT_BYTES = 96;
  private static final int MAX_ALIGNMENT = 256;

  private static final int R_32F = 0;
  private static final int R_16F = 2;
  private static final int COMPUTE_32F = 68;
  private static final int COMPUTE_32F_FAST_TF32 = 77;
  private static final int OP_TRANSPOSED = 1;
  private static final int DESC_TRANSPOSE_A = 3;
  private static final int DESC_EPILOGUE = 7;
  private static final int DESC_BIAS_POINTER = 8;
  private static final int EPILOGUE_BIAS = 4;
  private static final int EPILOGUE_RELU_BIAS = 6;
  private static final int PREFER_MAX_WORKSPACE_BYTES = 1;
  private static final int PREFER_REDUCTION_SCHEMES = 3;
  private static final int PREFER_MIN_ALIGNMENT_A_BYTES = 5;

  /** Partial sums are added in F32: in place they would be added in the type of the output. */
  private static final int REDUCTION_IN_COMPUTE_TYPE = 2;

  private final CublasLtLibrary library;
  private final Context context;
  private final long stream;
  private final int type;
  private final int compute;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment value = arena.allocate(Long.BYTES);
  private final MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1);
  private final MemorySegment none = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0);
  private final Map<Key, Plan> plans = new HashMap<>();
  private final Deque<Runnable> owned = new ArrayDeque<>();
  private long handle;
  private Memory workspace;

  CublasLt(CublasLtLibrary library, CudaDriver driver, Context context, long stream) {
    this.library = library;
    this.context = context;
    this.stream = stream;
    Precision precision = driver.info().precision();
    type = precision == Precision.F16 ? R_16F : R_32F;
    compute = precision == Precision.TF32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F;
    try {
      context.makeCurrent();
      check("cublasLtCreate", library.create.call(context.out()));
      handle = context.result();
      owned.push(() -> library.destroy.call(handle));
      workspace = driver.allocate(WORKSPACE_BYTES);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  @Override
  public void run(
      int rows,
      int inputs,
      int outputs,
      Memory weight,
      Memory bias,
      Memory in,
      Epilogue epilogue,
      Memory residual,
      Memory out) {
    context.makeCurrent();
    Memory added = residual == null ? out : residual;
    Key key =
        new Key(
            rows,
            inputs,
            outputs,
            epilogue,
            Alignments.of(weight.handle(), in.handle(), added.handle(), out.handle()));
    Plan plan = plans.get(key);
    if (plan == null) {
      plan = plan(key, bias);
      plans.put(key, plan);
    }
    setBias(plan.product, bias);
    int code =
        library.matmul.call(
            handle,
            plan.product,
            one,
            weight.handle(),
            plan.weight,
            in.handle(),
            plan.in,
            epilogue.addsResidual() ? one : none,
            added.handle(),
            plan.out,
            out.handle(),
            plan.out,
            plan.algorithm,
            workspace.handle(),
            WORKSPACE_BYTES,
            stream);
    check("cublasLtMatmul of " + key.text(), code);
  }

  private Plan plan(Key key, Memory bias) {
    check("cublasLtMatmulDescCreate", library.descCreate.call(context.out(), compute, R_32F));
    long product = context.result();
    owned.push(() -> library.descDestroy.call(product));
    set(product, DESC_TRANSPOSE_A, OP_TRANSPOSED);
    set(product, DESC_EPILOGUE, epilogue(key.epilogue));
    setBias(product, bias);
    long weight = layout(key.inputs, key.outputs);
    long in = layout(key.inputs, key.rows);
    long out = layout(key.outputs, key.rows);
    MemorySegment algorithm = heuristic(key, product, weight, in, out);
    return new Plan(product, weight, in, out, algorithm);
  }

  private static int epilogue(Epilogue epilogue) {
    return switch (epilogue) {
      case BIAS, BIAS_RESIDUAL -> EPILOGUE_BIAS;
      case BIAS_RELU, BIAS_RESIDUAL_RELU -> EPILOGUE_RELU_BIAS;
      case BIAS_GELU ->
          throw new IllegalArgumentException("cuBLASLt's GELU is an approximation, not the exact");
    };
  }

  /** A matrix whose columns lie one after the other. */
  private long layout(long rows, long columns) {
    check(
        "cublasLtMatrixLayoutCreate",
        library.layoutCreate.call(context.out(), type, rows, columns, rows));
    long layout = context.result();
    owned.push(() -> library.layoutDestroy.call(layout));
    return layout;
  }

  private MemorySegment heuristic(Key key, long product, long weight, long in, long out) {
    check("cublasLtMatmulPreferenceCreate", library.preferenceCreate.call(context.out()));
    long preference = context.result();
    try {
      value.set(ValueLayout.JAVA_LONG, 0, WORKSPACE_BYTES);
      prefer(preference, PREFER_MAX_WORKSPACE_BYTES, Long.BYTES);
      value.set(ValueLayout.JAVA_INT, 0, REDUCTION_IN_COMPUTE_TYPE);
      prefer(preference, PREFER_REDUCTION_SCHEMES, Integer.BYTES);
      int[] alignments = key.alignments.bytes();
      for (int i = 0; i < alignments.length; i++) {
        value.set(ValueLayout.JAVA_INT, 0, alignments[i]);
        prefer(preference, PREFER_MIN_ALIGNMENT_A_BYTES + i, Integer.BYTES);
      }
      MemorySegment result = arena.allocate(HEURISTIC_RESULT_BYTES, Long.BYTES);
      int code =
          library.heuristic.call(
              handle, product, weight, in, out, out, preference, 1, result, value);
      check("cublasLtMatmulAlgoGetHeuristic of " + key.text(), code);
      if (value.get(ValueLayout.JAVA_INT, 0) == 0) {
        throw new DeviceException(
            "%s: cublasLtMatmulAlgoGetHeuristic found no algorithm for %s"
                .formatted(context.id, key.text()));
      }
      // The result begins with the algorithm.
      return result;
    } finally {
      library.preferenceDestroy.call(preference);
    }
  }

  private void prefer(long preference, int attribute, long bytes) {
    check(
        "cublasLtMatmulPreferenceSetAttribute",
        library.preferenceSetAttribute.call(preference, attribute, value, bytes));
  }

  private void set(long product, int attribute, int number) {
    value.set(ValueLayout.JAVA_INT, 0, number);
    check(
        "cublasLtMatmulDescSetAttribute",
        library.descSetAttribute.call(product, attribute, value, (long) Integer.BYTES));
  }

  private void setBias(long product, Memory bias) {
    value.set(ValueLayout.JAVA_LONG, 0, bias.handle());
    check(
        "cublasLtMatmulDescSetAttribute",
        library.descSetAttribute.call(product, DESC_BIAS_POINTER, value, (long) Long.BYTES));
  }

  private void check(String call, int code) {
    if (code != 0) {
      throw new DeviceException(context.id + ": " + CublasLtLibrary.error(call, code));
    }
  }

  /** Frees descriptors and handle; the driver frees the workspace. No product may be pending. */
  @Override
  public void close() {
    owned.forEach(Runnable::run);
    owned.clear();
    arena.close();
  }

  private record Key(int rows, int inputs, int outputs, Epilogue epilogue, Alignments alignments) {
    String text() {
      return "%d rows of %d inputs to %d outputs with %s"
          .formatted(rows, inputs, outputs, epilogue);
    }
  }

  /** What addresses are multiples of. */
  private record Alignments(int weight, int in, int added, int out) {
    static Alignments of(long weight, long in, long added, long out) {
      return new Alignments(of(weight), of(in), of(added), of(out));
    }

    private static int of(long address) {
      return (int) Math.min(MAX_ALIGNMENT, Long.lowestOneBit(address));
    }

    int[] bytes() {
      return new int[] {weight, in, added, out};
    }
  }

  /** Descriptors of a product, and the algorithm chosen for it. */
  private record Plan(long product, long weight, long in, long out, MemorySegment algorithm) {}
}
