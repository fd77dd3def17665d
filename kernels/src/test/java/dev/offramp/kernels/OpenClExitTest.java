package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClExitTest extends ExitConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.open(Precision.F32);
  }
}
