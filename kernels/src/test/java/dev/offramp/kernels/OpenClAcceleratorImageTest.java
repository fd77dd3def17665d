package dev.offramp.kernels;

import dev.offramp.kernels.opencl.OpenClUnderTest;

class OpenClAcceleratorImageTest extends ImageConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.openAsAccelerator(Precision.F32);
  }
}
