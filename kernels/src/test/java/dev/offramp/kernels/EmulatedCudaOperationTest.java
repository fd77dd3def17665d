package dev.offramp.kernels;

import dev.offramp.kernels.gpu.EmulatedGpu;

class EmulatedCudaOperationTest extends OperationConformance {
  @Override
  protected Device open() {
    return EmulatedGpu.open(80, Precision.F32);
  }
}
