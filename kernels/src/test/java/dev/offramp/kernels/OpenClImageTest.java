package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClImageTest extends ImageConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.open(Precision.F32);
  }
}
