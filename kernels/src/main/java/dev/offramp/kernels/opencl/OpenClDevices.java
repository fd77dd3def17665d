package dev.offramp.kernels.opencl;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import dev.offramp.kernels.gpu.GpuDevice;
import java.util.List;
import java.util.stream.Collectors;

/** Finds and opens the OpenCL devices of this machine. */
public final class OpenClDevices {
  private OpenClDevices() {}

  /**
   * Opens the device of that number, counted over all platforms in the loader's order.
   *
   * @throws DeviceException if there is none of that number, it cannot be used, or its driver does
   *     not build the kernels
   */
  public static Device open(int number, DeviceOptions options) {
    return new GpuDevice(driver(number, options.precision()), options);
  }

  static OpenClDriver driver(int number, Precision precision) {
    String id = "opencl:" + number;
    Survey survey = Survey.take(Library.get());
    for (Survey.Found found : survey.devices()) {
      if (found.id().equals(id)) {
        if (!found.problem().isEmpty()) {
          throw new DeviceException(id + ": " + found.problem());
        }
        return new OpenClDriver(found.device(), precision);
      }
    }
    String present =
        survey.devices().stream().map(Survey.Found::id).collect(Collectors.joining(", "));
    throw new DeviceException(
        "There is no device '%s'. %s"
            .formatted(
                id,
                present.isEmpty() ? survey.problem() : "OpenCL devices here: " + present + "."));
  }

  /** One entry a device, or one that says why there is none. Never throws. */
  public static List<Probe> probe() {
    return Survey.take(Library.get()).probes();
  }
}
