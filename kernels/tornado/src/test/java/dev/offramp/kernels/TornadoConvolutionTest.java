package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoConvolutionTest extends ConvolutionConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.open();
  }
}
