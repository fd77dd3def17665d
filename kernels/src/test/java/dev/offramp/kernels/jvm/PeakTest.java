package dev.offramp.kernels.jvm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PeakTest {
  /** Compiled vector code does tens of GFLOP/s anywhere, interpreted code less than one. */
  @Test
  void measuresCompiledCode() {
    assertThat(JvmDevice.measuredPeakGflops(1)).isBetween(2.0, 2000.0);
  }
}
