package dev.offramp.kernels.tornado;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Probe;

/** Opens the TornadoVM device that the suites run on, or skips them with the reason. */
public final class TornadoUnderTest {
  private static boolean said;

  private TornadoUnderTest() {}

  /** The device as users have it. */
  public static Device open() {
    require();
    return Survey.open(0, new DeviceOptions(1));
  }

  /** The same with the kernels that graphics cards get, which processors can run too. */
  public static Device openAsAccelerator() {
    require();
    return Survey.open(0, Survey.devices().getFirst(), false, new DeviceOptions(1));
  }

  /** That there is one; else the reason is printed once. */
  private static void require() {
    Probe first = new TornadoDevices().probe().getFirst();
    if (!first.accepted()) {
      if ("1".equals(System.getenv("OFFRAMP_REQUIRE_TORNADO"))) {
        throw new AssertionError("OFFRAMP_REQUIRE_TORNADO=1, but " + first.reason());
      }
      if (!said) {
        said = true;
        System.err.println("SKIPPED tests of TornadoVM devices: " + first.reason());
      }
      abort(first.reason());
    }
  }
}
