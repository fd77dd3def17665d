package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClAcceleratorConvolutionTest extends ConvolutionConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.openAsAccelerator(Precision.F32);
  }
}
