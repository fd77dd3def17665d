package dev.offramp.kernels.selftest;

class OpenClSelfTest extends DeviceSelfTest {
  OpenClSelfTest() {
    super("opencl:0", "OFFRAMP_REQUIRE_OPENCL", "pocl-opencl-icd and ocl-icd-libopencl1");
  }
}
