package dev.offramp.kernels;

import static java.util.Objects.requireNonNull;

import dev.offramp.kernels.jvm.JvmDevice;
import java.util.List;

/** Finds and opens devices by name. */
public final class Devices {
  private Devices() {}

  /** {@link #open(String, DeviceOptions)} with default options. */
  public static Device open(String id) {
    return open(id, DeviceOptions.defaults());
  }

  /**
   * Opens a device.
   *
   * @param id {@code jvm}, or {@code auto} for the fastest that {@link #probe} accepts
   * @throws DeviceException if there is no such device here; the message says what there is
   */
  public static Device open(String id, DeviceOptions options) {
    requireNonNull(id, "id is null");
    requireNonNull(options, "options is null");
    return switch (id) {
      case "jvm", "auto" -> new JvmDevice(options);
      default ->
          throw new DeviceException(
              "There is no device '"
                  + id
                  + "'. This version has: jvm (the processor, needs nothing installed);"
                  + " use 'jvm', or 'auto' for the fastest one present.");
    };
  }

  /** Looks for every kind of device, the fastest first, without keeping any open. */
  public static List<Probe> probe() {
    DeviceInfo jvm = JvmDevice.describe(DeviceOptions.defaults());
    String reason = jvm.note().isEmpty() ? "The Vector API is present." : jvm.note();
    return List.of(new Probe(jvm.id(), true, reason, jvm));
  }
}
