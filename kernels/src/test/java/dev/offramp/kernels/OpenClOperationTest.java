package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClOperationTest extends OperationConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.open(Precision.F32);
  }
}
