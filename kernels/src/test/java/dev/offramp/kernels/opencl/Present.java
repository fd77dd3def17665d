package dev.offramp.kernels.opencl;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import java.util.List;
import java.util.stream.Collectors;

/** The OpenCL device that tests run on, or the reason why they are skipped. */
final class Present {
  private static final String REQUIRE = "OFFRAMP_REQUIRE_OPENCL";

  private static boolean said;

  private Present() {}

  static OpenClDriver driver() {
    return OpenClDevices.driver(number(), Precision.F32);
  }

  static Candidate candidate() {
    return Survey.take(Library.get()).devices().get(number()).device();
  }

  /**
   * Number of the first device that was accepted. Without one the test is skipped, or fails where
   * the environment or a system property says OFFRAMP_REQUIRE_OPENCL=1.
   */
  static int number() {
    List<Probe> probes = OpenClDevices.probe();
    for (Probe probe : probes) {
      if (probe.accepted()) {
        return Integer.parseInt(probe.id().substring("opencl:".length()));
      }
    }
    String message =
        "no OpenCL device; install the packages pocl-opencl-icd and ocl-icd-libopencl1. "
            + probes.stream().map(Probe::reason).collect(Collectors.joining(" "));
    if ("1".equals(System.getProperty(REQUIRE, System.getenv(REQUIRE)))) {
      return fail(REQUIRE + "=1, but " + message);
    }
    if (!said) {
      said = true;
      System.err.println("SKIPPED tests of the OpenCL driver: " + message);
    }
    return abort(message);
  }
}
