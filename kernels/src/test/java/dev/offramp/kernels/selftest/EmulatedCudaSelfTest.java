package dev.offramp.kernels.selftest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.EmulatedGpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The self-test on the kernels that CUDA devices run, which run on the processor here: on a device
 * of compute capability 9.0 with products by warp groups, and on older ones what differs there.
 */
class EmulatedCudaSelfTest {
  @ParameterizedTest
  @CsvSource({
    "90, F16, .*",
    "75, F16, (gemm|attention|independence (gemm|attention)).*",
    "80, TF32, (gemm|attention|independence (gemm|attention)).*"
  })
  void everyOperation(int capability, Precision precision, String cases) {
    DeviceSelfTest.passes(
        EmulatedGpu.open(capability, precision),
        one -> (one.operation() + " " + one.shape()).matches(cases) && !large(one));
  }

  /** What takes long here and shows nothing that others do not. */
  private static boolean large(Case one) {
    return one.operation().equals("independence") && one.shape().contains("1536")
        || one.operation().equals(TileCases.PRODUCT) && one.shape().contains("640")
        || one.operation().startsWith("copy");
  }

  /** Of several sizes a product would take one: each is looked at all the same. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gemm_tensor_256x128",
        "gemm_tensor_64x64",
        "gemm_tile_128x128",
        "convolution_tile_64x16",
        "convolution_tile_128x128"
      })
  void aTileThatIsWrongIsFound(String kernel) {
    try (Device device = EmulatedGpu.open(80, Precision.TF32, kernel)) {
      assertThat(TileCases.all().stream().filter(one -> !large(one)))
          .extracting(one -> one.run(device, DeviceSelfTest.SEED).message())
          .anySatisfy(message -> assertThat(message).contains(kernel));
      assertThat(device.liveBytes()).isZero();
    }
  }
}
