package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoAcceleratorImageTest extends ImageConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.openAsAccelerator();
  }
}
