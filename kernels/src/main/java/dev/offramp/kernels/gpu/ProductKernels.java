package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Device;
import java.util.function.Consumer;

/** Lets a test run every kernel that a device could choose for a product, not only the fastest. */
public final class ProductKernels {
  private ProductKernels() {}

  /**
   * Does the work once for each kernel that may make products of so many inputs; all products are
   * made by that kernel meanwhile. Devices without a choice do it once.
   *
   * @param work told the kernel's name
   */
  public static void each(Device device, int inputs, Consumer<String> work) {
    if (!(device instanceof GpuDevice gpu)) {
      work.accept("the only kernel");
      return;
    }
    GemmChoice gemms = gpu.gemms();
    try {
      for (GemmKernel kernel : gemms.kernels(inputs)) {
        gemms.force(kernel);
        work.accept(kernel.name());
      }
    } finally {
      gemms.force(null);
    }
  }
}
