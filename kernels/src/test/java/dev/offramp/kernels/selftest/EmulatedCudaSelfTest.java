package dev.offramp.kernels.selftest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.EmulatedGpu;
import java.util.List;
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
    "75, F16, gemm.*|attention|independence",
    "80, TF32, gemm.*|attention|independence"
  })
  void everyOperation(int capability, Precision precision, String operations) {
    System.out.println("emulated CUDA: offramp.seed=" + DeviceSelfTest.SEED);
    try (Device device = EmulatedGpu.open(capability, precision);
        Device reference = Devices.open("jvm", DeviceOptions.defaults())) {
      List<Case> cases =
          SelfTest.CASES.stream()
              .filter(one -> one.operation().matches(operations) && !large(one))
              .toList();
      assertThat(cases).hasSizeGreaterThan(60);
      for (Case one : cases) {
        assertThat(one.run(device, reference, DeviceSelfTest.SEED).message())
            .as("%s, %s", one.operation(), one.shape())
            .isEmpty();
      }
      assertThat(device.liveBytes()).isZero();
    }
  }

  /** What takes long here and shows nothing that others do not. */
  private static boolean large(Case one) {
    return one.operation().equals("independence") && one.shape().contains("1536")
        || one.operation().equals(TileCases.OPERATION) && one.shape().contains("640")
        || one.operation().startsWith("copy");
  }

  /** Of several sizes a product would take one: each is looked at all the same. */
  @ParameterizedTest
  @ValueSource(strings = {"gemm_tensor_256x128", "gemm_tensor_64x64", "gemm_tile_128x128"})
  void aTileThatIsWrongIsFound(String kernel) {
    try (Device device = EmulatedGpu.open(80, Precision.TF32, kernel);
        Device reference = Devices.open("jvm", DeviceOptions.defaults())) {
      assertThat(TileCases.all().stream().filter(one -> !large(one)))
          .extracting(one -> one.run(device, reference, DeviceSelfTest.SEED).message())
          .anySatisfy(message -> assertThat(message).contains(kernel));
      assertThat(device.liveBytes()).isZero();
    }
  }
}
