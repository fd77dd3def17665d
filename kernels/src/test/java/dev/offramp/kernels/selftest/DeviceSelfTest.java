package dev.offramp.kernels.selftest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Precision;

/** The self-test on a device of this machine; subclasses name it and the precisions it has. */
abstract class DeviceSelfTest {
  static final long SEED = Long.getLong("offramp.seed", System.nanoTime());

  private final String id;
  private final String required;
  private final String packages;

  /**
   * @param required name of the environment variable that, set to 1, makes the test fail where the
   *     device is absent
   * @param packages what to install where it is absent
   */
  DeviceSelfTest(String id, String required, String packages) {
    this.id = id;
    this.required = required;
    this.packages = packages;
  }

  final void runEveryOperation(Precision precision) {
    requireDevice();
    System.out.println(id + ": offramp.seed=" + SEED);
    try (Device device = Devices.open(id, DeviceOptions.defaults().with(precision))) {
      assertThat(SelfTest.run(device, SEED, result -> {}))
          .hasSize(SelfTest.size())
          .allSatisfy(result ->
              assertThat(result.message())
                  .as("%s, %s", result.operation(), result.shape())
                  .isEmpty());
      assertThat(device.liveBytes()).isZero();
    }
  }

  private void requireDevice() {
    try (Device device = Devices.open(id)) {
      assertThat(device.info().id()).isEqualTo(id);
    } catch (DeviceException e) {
      if ("1".equals(System.getenv(required))) {
        throw e;
      }
      abort("%s; install %s to run this test".formatted(e.getMessage(), packages));
    }
  }
}
