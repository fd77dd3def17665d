package dev.offramp.runtime;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Devices;

/** Where there is no OpenCL, tests on it are skipped, or fail with OFFRAMP_REQUIRE_OPENCL=1. */
public final class OpenClHere {
  public static final String ID = "opencl:0";

  private OpenClHere() {}

  /** Opens the first OpenCL device. */
  public static Device open() {
    try {
      return Devices.open(ID);
    } catch (DeviceException e) {
      if ("1".equals(System.getenv("OFFRAMP_REQUIRE_OPENCL"))) {
        throw e;
      }
      return abort(
          e.getMessage() + "; install pocl-opencl-icd and ocl-icd-libopencl1 to run this test");
    }
  }
}
