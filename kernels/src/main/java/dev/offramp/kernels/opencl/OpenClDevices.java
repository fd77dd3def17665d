package dev.offramp.kernels.opencl;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Probe;
import java.util.List;

/** Finds and opens the OpenCL devices of this machine. */
public final class OpenClDevices {
  private OpenClDevices() {}

  /** Opens the device of that number, counted over all platforms in the loader's order. */
  public static Device open(int number, DeviceOptions options) {
    throw new DeviceException("There is no device 'opencl:" + number + "'.");
  }

  /** One entry a device, or one that says why there is none. */
  public static List<Probe> probe() {
    return List.of();
  }
}
