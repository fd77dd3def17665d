package dev.offramp.runtime;

import static java.util.Objects.requireNonNull;

import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.runtime.engine.DeviceStages;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How an {@link Engine} runs a model: {@code EngineOptions.latency().onDevice("cuda:0")}.
 *
 * @param device {@code jvm}, {@code opencl:N}, {@code cuda:N}, {@code tornado:N} or {@code auto}
 * @param precision of weights and activations
 * @param threads worker threads of the jvm device, 1 to 1,024
 * @param batch rows that run a stage together at most, 1 to 16,384
 * @param maxWait how long a row waits at a stage for others to run with, when nobody else is to be
 *     run; zero lets nobody wait
 * @param queue requests that may wait for a place beyond those on their way, at least 1; {@link
 *     Engine#submit} waits while there are more
 * @param policy at which thresholds rows may exit
 */
public record EngineOptions(
    String device,
    Precision precision,
    int threads,
    int batch,
    Duration maxWait,
    int queue,
    Policy policy) {
  private static final int BATCH = 32;
  private static final int QUEUE = 1024;
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(1);
  private static final Duration GATHER = Duration.ofMillis(10);

  /** At which thresholds rows may exit. */
  public sealed interface Policy {
    /**
     * Those of a certificate, without which the engine does not open.
     *
     * @param file the certificate, or null for certificate.json of the model directory
     * @param allowOtherDevice whether it may be of another kind of device or another precision
     */
    record Certified(Path file, boolean allowOtherDevice) implements Policy {}

    /**
     * One threshold given by hand, without a guarantee.
     *
     * @param lambda in [0, 1]
     */
    record ByHand(double lambda) implements Policy {
      public ByHand {
        if (!(lambda >= 0 && lambda <= 1)) {
          throw new IllegalArgumentException("lambda is " + lambda + ", must be in [0, 1]");
        }
      }
    }

    /** Never exits early. */
    record FullDepth() implements Policy {}
  }

  public EngineOptions {
    requireNonNull(device, "device is null");
    requireNonNull(precision, "precision is null");
    requireNonNull(maxWait, "maxWait is null");
    requireNonNull(policy, "policy is null");
    inRange("threads", threads, DeviceOptions.MAX_THREADS);
    inRange("batch", batch, DeviceStages.MOST_LANE_ROWS);
    inRange("queue", queue, Integer.MAX_VALUE);
    if (maxWait.isNegative() || maxWait.compareTo(LONGEST_WAIT) > 0) {
      throw new IllegalArgumentException(
          "maxWait is " + maxWait + ", must be 0 to " + LONGEST_WAIT);
    }
  }

  private static void inRange(String name, int value, int most) {
    if (value < 1 || value > most) {
      throw new IllegalArgumentException(name + " is " + value + ", must be 1 to " + most);
    }
  }

  /** Nobody waits for others: the first comer goes first, with whoever is at the same stage. */
  public static EngineOptions latency() {
    return new EngineOptions(
        "jvm",
        Precision.F32,
        DeviceOptions.defaults().threads(),
        BATCH,
        Duration.ZERO,
        QUEUE,
        new Policy.Certified(null, false));
  }

  /**
   * Rows gather at stages for up to 10 ms, so that steps are large: for graphics cards, and for
   * many requests at once. A request that comes alone waits in vain at each stage.
   */
  public static EngineOptions throughput() {
    return latency().withMaxWait(GATHER);
  }

  public EngineOptions onDevice(String device) {
    return new EngineOptions(device, precision, threads, batch, maxWait, queue, policy);
  }

  public EngineOptions withPrecision(Precision precision) {
    return new EngineOptions(device, precision, threads, batch, maxWait, queue, policy);
  }

  public EngineOptions withThreads(int threads) {
    return new EngineOptions(device, precision, threads, batch, maxWait, queue, policy);
  }

  public EngineOptions withBatch(int batch) {
    return new EngineOptions(device, precision, threads, batch, maxWait, queue, policy);
  }

  public EngineOptions withMaxWait(Duration maxWait) {
    return new EngineOptions(device, precision, threads, batch, maxWait, queue, policy);
  }

  public EngineOptions withQueue(int queue) {
    return new EngineOptions(device, precision, threads, batch, maxWait, queue, policy);
  }

  public EngineOptions withPolicy(Policy policy) {
    return new EngineOptions(device, precision, threads, batch, maxWait, queue, policy);
  }
}
