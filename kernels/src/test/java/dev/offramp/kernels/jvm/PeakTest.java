package dev.offramp.kernels.jvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import org.junit.jupiter.api.Test;

class PeakTest {
  /** Compiled vector code does tens of GFLOP/s anywhere, interpreted code less than one. */
  @Test
  void measuresCompiledCode() {
    try (Device device = new JvmDevice(new DeviceOptions(1))) {
      assertThat(device.measurePeakGflops()).isBetween(2.0, 2000.0);
    }
  }
}
