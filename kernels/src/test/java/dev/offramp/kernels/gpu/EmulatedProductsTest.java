package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Precision;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every size of a product's kernel on tensor cores, on the processor. */
class EmulatedProductsTest {
  @ParameterizedTest
  @CsvSource({
    "75, F16, 1, 8, 7",
    "75, F16, 50, 136, 129",
    "80, TF32, 1, 4, 1",
    "80, TF32, 50, 68, 127",
    "80, TF32, 129, 32, 129",
    "90, F16, 1, 8, 1",
    "90, F16, 7, 128, 127",
    "90, F16, 50, 200, 300",
    "90, F16, 129, 72, 129"
  })
  void everySizeGivesTheSameBits(
      int capability, Precision precision, int rows, int inputs, int outputs) {
    try (GpuDevice device = (GpuDevice) EmulatedGpu.open(capability, precision)) {
      long seed = Long.getLong("offramp.seed", System.nanoTime());
      System.out.println("EmulatedProductsTest: offramp.seed=" + seed);
      int kernels = ProductsCheck.agree(device, seed, rows, inputs, outputs);
      assertThat(kernels).isEqualTo(capability == 90 ? 9 : 5);
      assertThat(device.liveBytes()).isZero();
    }
  }
}
