package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoAcceleratorExitTest extends ExitConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.openAsAccelerator();
  }
}
