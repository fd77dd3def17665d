package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClAcceleratorOperationTest extends OperationConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.openAsAccelerator(Precision.F32);
  }
}
