package dev.offramp.kernels;

/**
 * Settings of a device.
 *
 * @param threads threads that compute, the caller's included; devices with cores of their own
 *     ignore it
 */
public record DeviceOptions(int threads) {
  public DeviceOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("threads is " + threads + ", allowed is 1 to 1024");
    }
  }

  /** One thread for each processor that the JVM may use. */
  public static DeviceOptions defaults() {
    return new DeviceOptions(Runtime.getRuntime().availableProcessors());
  }
}
