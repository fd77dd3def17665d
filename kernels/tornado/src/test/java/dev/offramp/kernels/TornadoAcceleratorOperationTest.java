package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoAcceleratorOperationTest extends OperationConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.openAsAccelerator();
  }
}
