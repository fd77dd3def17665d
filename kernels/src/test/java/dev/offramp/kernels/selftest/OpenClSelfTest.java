package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.opencl.OpenClUnderTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** In the precisions that OpenCL has. */
class OpenClSelfTest extends DeviceSelfTest {
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void everyOperation(Precision precision) {
    passes(OpenClUnderTest.open(precision));
  }

  /** A processor takes minutes to compile and run these in F16, which emulated CUDA has too. */
  @Test
  void withTheKernelsOfGraphicsCards() {
    passes(OpenClUnderTest.openAsAccelerator(Precision.F32), DeviceSelfTest::small);
  }
}
