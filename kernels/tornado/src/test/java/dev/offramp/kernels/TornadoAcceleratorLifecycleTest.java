package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoAcceleratorLifecycleTest extends LifecycleConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.openAsAccelerator();
  }
}
