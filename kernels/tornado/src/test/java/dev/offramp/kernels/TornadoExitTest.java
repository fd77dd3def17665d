package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoExitTest extends ExitConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.open();
  }
}
