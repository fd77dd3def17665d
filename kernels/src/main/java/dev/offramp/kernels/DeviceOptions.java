package dev.offramp.kernels;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;

/**
 * Settings of a device.
 *
 * @param threads threads that compute, the caller's included; devices with cores of their own
 *     ignore it
 * @param precision numbers to compute with; a device that cannot refuses to open
 * @param cache folder where a device keeps what it has measured of itself, or null to measure anew
 *     each time
 */
public record DeviceOptions(int threads, Precision precision, Path cache) {
  public static final int MAX_THREADS = 1024;

  public DeviceOptions {
    if (threads < 1 || threads > MAX_THREADS) {
      throw new IllegalArgumentException(
          "threads is " + threads + ", allowed is 1 to " + MAX_THREADS);
    }
    requireNonNull(precision, "precision is null");
  }

  /** F32, measuring anew. */
  public DeviceOptions(int threads) {
    this(threads, Precision.F32, null);
  }

  /** One thread for each processor that the JVM may use, as far as allowed; F32, measuring anew. */
  public static DeviceOptions defaults() {
    return new DeviceOptions(Math.min(Runtime.getRuntime().availableProcessors(), MAX_THREADS));
  }

  public DeviceOptions with(Precision other) {
    return new DeviceOptions(threads, other, cache);
  }
}
