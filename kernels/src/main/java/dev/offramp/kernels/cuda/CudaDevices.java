package dev.offramp.kernels.cuda;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Probe;
import java.util.List;

/** Finds and opens the CUDA devices of this machine. */
public final class CudaDevices {
  private CudaDevices() {}

  /** Opens the device of that number. */
  public static Device open(int number, DeviceOptions options) {
    throw new DeviceException("There is no device 'cuda:" + number + "'.");
  }

  /** One entry a device, or one that says why there is none. */
  public static List<Probe> probe() {
    return List.of();
  }
}
