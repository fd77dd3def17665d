package dev.offramp.kernels;

/**
 * Settings of a device.
 *
 * @param threads threads that compute, the caller's included; devices with cores of their own
 *     ignore it
 */
public record DeviceOptions(int threads) {
  public static final int MAX_THREADS = 1024;

  public DeviceOptions {
    if (threads < 1 || threads > MAX_THREADS) {
      throw new IllegalArgumentException(
          "threads is " + threads + ", allowed is 1 to " + MAX_THREADS);
    }
  }

  /** One thread for each processor that the JVM may use. */
  public static DeviceOptions defaults() {
    return new DeviceOptions(Runtime.getRuntime().availableProcessors());
  }
}
