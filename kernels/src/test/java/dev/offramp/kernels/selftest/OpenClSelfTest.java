package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Precision;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** In the precisions that OpenCL has. */
class OpenClSelfTest extends DeviceSelfTest {
  OpenClSelfTest() {
    super("opencl:0", "OFFRAMP_REQUIRE_OPENCL", "pocl-opencl-icd and ocl-icd-libopencl1");
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void everyOperation(Precision precision) {
    runEveryOperation(precision);
  }
}
