package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClAcceleratorLifecycleTest extends LifecycleConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.openAsAccelerator(Precision.F32);
  }
}
