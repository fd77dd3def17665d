package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoImageTest extends ImageConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.open();
  }
}
