package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Precision;
import org.junit.jupiter.api.Test;

/** In the only precision that TornadoVM devices have. */
class TornadoSelfTest extends DeviceSelfTest {
  TornadoSelfTest() {
    super("tornado:0", "OFFRAMP_REQUIRE_TORNADO", "a driver of a backend of the SDK");
  }

  @Test
  void everyOperation() {
    runEveryOperation(Precision.F32);
  }
}
