package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClAcceleratorExitTest extends ExitConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.openAsAccelerator(Precision.F32);
  }
}
