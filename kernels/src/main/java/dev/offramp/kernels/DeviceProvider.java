package dev.offramp.kernels;

import java.util.List;

/**
 * A kind of device that lies in a jar of its own, since it needs a library that this module must
 * not depend on. {@link Devices} finds it with {@link java.util.ServiceLoader}: the jar names the
 * implementation in {@code META-INF/services/dev.offramp.kernels.DeviceProvider}.
 */
public interface DeviceProvider {
  /** What comes before the colon of a device's name, such as {@code tornado}; letters only. */
  String kind();

  /**
   * One entry a device, named {@code kind:N} with N counted from 0, or a declined one named by the
   * kind that says what is missing. Never throws, and never leaves a device open.
   */
  List<Probe> probe();

  /**
   * Opens the device of that number.
   *
   * @throws DeviceException if there is none of that number or it cannot be used; the message says
   *     why
   */
  Device open(int number, DeviceOptions options);
}
