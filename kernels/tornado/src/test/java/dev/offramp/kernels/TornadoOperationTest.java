package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoOperationTest extends OperationConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.open();
  }
}
