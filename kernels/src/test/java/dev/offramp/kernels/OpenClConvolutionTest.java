package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClConvolutionTest extends ConvolutionConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.open(Precision.F32);
  }
}
