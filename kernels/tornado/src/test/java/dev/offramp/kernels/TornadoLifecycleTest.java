package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoLifecycleTest extends LifecycleConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.open();
  }
}
