package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.exceptions.TornadoRuntimeException;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;
import uk.ac.manchester.tornado.cublas.CuBlas;
import uk.ac.manchester.tornado.runtime.common.TornadoXPUDevice;
import uk.ac.manchester.tornado.runtime.library.LibraryRegistry;

/**
 * F32 products of cuBLAS: a library task of TornadoVM for the sums, then a kernel in Java for bias
 * and epilogue. Both are calls of the driver as any other, in its order and in its captures. A
 * library task takes plain numbers, so a graph of one task has one size.
 */
final class Cublas implements DenseProduct, AutoCloseable {
  private static final int ITEMS = 256;

  /** Sizes whose graphs are kept for calls outside of captures. */
  private static final int SIZES = 64;

  private final TornadoDriver driver;
  private final long plan;

  /** In the order of their last use. */
  private final Map<List<Integer>, Single> singles =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Integer>, Single> eldest) {
          return size() > SIZES;
        }
      };

  private Cublas(TornadoDriver driver, long plan) {
    this.driver = driver;
    this.plan = plan;
  }

  /**
   * Null where TornadoVM has no cuBLAS for the device: its backend is not CUDA, or the library was
   * not found.
   *
   * @param plan number of the driver's queue
   */
  static Cublas find(TornadoDriver driver, TornadoXPUDevice device, long plan) {
    driver.makeCurrent();
    try {
      // The name is a constant of the compiler's: the class may be absent.
      var provider = LibraryRegistry.findProvider(CuBlas.LIBRARY_NAME, device);
      LibraryRegistry.getOrCreateContext(provider, device, plan);
      return new Cublas(driver, plan);
    } catch (TornadoRuntimeException e) {
      return null;
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
    // The sums would overwrite a residual in the same place.
    boolean onto = epilogue.addsResidual() && out.equals(residual);
    Epilogue rest =
        switch (epilogue) {
          case BIAS_RESIDUAL -> onto ? Epilogue.BIAS : epilogue;
          case BIAS_RESIDUAL_RELU -> onto ? Epilogue.BIAS_RELU : epilogue;
          case BIAS, BIAS_GELU, BIAS_RELU -> epilogue;
        };
    int count = Math.multiplyExact(rows, outputs);
    driver.launch(
        KernelTable.SGEMM, Grid.of(1, 1), rows, inputs, outputs, onto ? 1 : 0, weight, in, out);
    driver.launch(
        KernelTable.FINISH,
        Grid.of((count - 1) / ITEMS + 1, ITEMS),
        count,
        outputs,
        rest.ordinal(),
        bias,
        rest.addsResidual() ? residual : null,
        out);
  }

  /** The graph for a call of that size, with that memory if it is a new one. */
  Single single(Call call, List<XPUBuffer> memory) {
    return singles.computeIfAbsent(
        call.ints(),
        sizes -> new Single(driver.graph(), driver.kernel(call.kernel()), call, memory));
  }

  /** Nothing may be pending. */
  @Override
  public void close() {
    LibraryRegistry.destroyContexts(plan);
  }
}
