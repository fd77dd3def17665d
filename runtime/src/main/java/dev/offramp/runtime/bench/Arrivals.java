package dev.offramp.runtime.bench;

import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;

/** Poisson arrivals: independent gaps with an exponential distribution. */
public final class Arrivals {
  /**
   * Before an arrival the thread stops parking: the system wakes sleepers about that much late. It
   * is short, for the modes need the processors.
   */
  private static final long SPIN_NANOS = 60_000;

  private Arrivals() {}

  /**
   * When requests arrive, in nanoseconds from the start, ascending. The same seed gives the same
   * arrivals at every rate, only closer together.
   *
   * @param rate mean number a second
   */
  public static long[] nanos(double rate, int requests, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    long[] nanos = new long[requests];
    double seconds = 0;
    for (int i = 0; i < requests; i++) {
      seconds -= Math.log1p(-random.nextDouble()) / rate;
      nanos[i] = Math.round(1e9 * seconds);
    }
    return nanos;
  }

  /** Waits until {@link System#nanoTime} is at least that. */
  static void await(long nanoTime) {
    for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
      if (left > SPIN_NANOS) {
        LockSupport.parkNanos(left - SPIN_NANOS);
      } else {
        Thread.onSpinWait();
      }
    }
  }
}
