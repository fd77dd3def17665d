package dev.offramp.kernels;

import dev.offramp.kernels.tornado.TornadoUnderTest;

class TornadoAcceleratorConvolutionTest extends ConvolutionConformance {
  @Override
  protected Device open() {
    return TornadoUnderTest.openAsAccelerator();
  }
}
