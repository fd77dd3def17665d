package dev.offramp.kernels.selftest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.EmulatedGpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The kernels that CUDA devices run, on the processor. */
class EmulatedCudaSelfTest {
  @ParameterizedTest
  @CsvSource({"75, F16", "80, F16", "80, TF32", "80, F32"})
  void everyOperation(int capability, Precision precision) {
    try (Device device = EmulatedGpu.open(capability, precision)) {
      assertThat(SelfTest.run(device, DeviceSelfTest.SEED, result -> {}))
          .hasSize(SelfTest.size())
          .allSatisfy(result ->
              assertThat(result.message())
                  .as("%s, %s", result.operation(), result.shape())
                  .isEmpty());
      assertThat(device.liveBytes()).isZero();
    }
  }
}
