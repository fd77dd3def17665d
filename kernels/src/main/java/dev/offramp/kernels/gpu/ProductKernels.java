package dev.offramp.kernels.gpu;

import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Device;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** Lets a test run every kernel that can make a product, not only the one that a device chooses. */
public final class ProductKernels {
  private static final String ONLY = "the only kernel";

  private ProductKernels() {}

  /**
   * Does the work once for each kernel that may make products of so many inputs; all products are
   * made by that kernel meanwhile. Devices without a choice do it once.
   *
   * @param work told the kernel's name
   */
  public static void each(Device device, int inputs, Consumer<String> work) {
    if (device instanceof GpuDevice gpu) {
      GemmChoice gemms = gpu.gemms();
      each(gemms.kernels(inputs), gemms::force, GemmKernel::name, work);
    } else {
      work.accept(ONLY);
    }
  }

  /** The same for convolutions of that shape. */
  public static void each(Device device, ConvolutionShape shape, Consumer<String> work) {
    List<ConvolutionKernel> kernels =
        device instanceof GpuDevice gpu
            ? ConvolutionKernel.all(gpu.driver().traits(), shape)
            : List.of();
    if (kernels.isEmpty()) {
      work.accept(ONLY);
    } else {
      ImageLaunches launches = ((GpuDevice) device).imageLaunches();
      each(kernels, launches::force, ConvolutionKernel::name, work);
    }
  }

  private static <K> void each(
      List<K> kernels, Consumer<K> force, Function<K, String> name, Consumer<String> work) {
    try {
      for (K kernel : kernels) {
        force.accept(kernel);
        work.accept(name.apply(kernel));
      }
    } finally {
      force.accept(null);
    }
  }
}
