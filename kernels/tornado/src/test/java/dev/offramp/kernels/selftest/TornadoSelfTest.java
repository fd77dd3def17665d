package dev.offramp.kernels.selftest;

import dev.offramp.kernels.tornado.TornadoUnderTest;
import org.junit.jupiter.api.Test;

class TornadoSelfTest extends DeviceSelfTest {
  @Test
  void everyOperation() {
    passes(TornadoUnderTest.open());
  }

  @Test
  void withTheKernelsOfGraphicsCards() {
    passes(TornadoUnderTest.openAsAccelerator(), DeviceSelfTest::small);
  }
}
