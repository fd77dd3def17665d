package dev.offramp.kernels.selftest;

import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import org.junit.jupiter.api.Test;

/** By each code path; what JvmDeterminismTest shows of all of them is left out. */
class JvmSelfTest extends DeviceSelfTest {
  @Test
  void everyOperation() {
    passes(Devices.open("jvm", new DeviceOptions(2)), DeviceSelfTest::small);
  }
}
