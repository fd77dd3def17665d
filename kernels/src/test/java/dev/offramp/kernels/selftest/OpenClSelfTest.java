package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.opencl.OpenClUnderTest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** In the precisions that OpenCL has. */
class OpenClSelfTest extends DeviceSelfTest {
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void everyOperation(Precision precision) {
    passes(OpenClUnderTest.open(precision));
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void withTheKernelsOfGraphicsCards(Precision precision) {
    passes(OpenClUnderTest.openAsAccelerator(precision), DeviceSelfTest::small);
  }
}
