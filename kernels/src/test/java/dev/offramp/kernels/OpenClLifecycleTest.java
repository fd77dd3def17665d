package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClLifecycleTest extends LifecycleConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.open(Precision.F32);
  }
}
