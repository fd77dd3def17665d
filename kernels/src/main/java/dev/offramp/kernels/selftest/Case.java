package dev.offramp.kernels.selftest;

import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.selftest.SelfTest.Result;
import java.util.List;

/**
 * One operation at one shape.
 *
 * @param play calls the operation and hands in its outputs; told the side it is on
 * @param otherwise hands in the same outputs by another way, on the device under test; null where
 *     the reference does what {@code play} says
 */
record Case(String operation, String shape, Tolerance tolerance, Play play, Play otherwise) {
  /** Does the same on each side. */
  @FunctionalInterface
  interface Play {
    void on(Side side);
  }

  /** The device under test is compared with the reference. */
  Case(String operation, String shape, Tolerance tolerance, Play play) {
    this(operation, shape, tolerance, play, null);
  }

  /** The device under test is compared with itself, to the bit. */
  static Case alone(String operation, String shape, Play play, Play otherwise) {
    return new Case(operation, shape, Tolerance.EXACT, play, otherwise);
  }

  /** Plays on both sides and compares. Never throws what a device throws. */
  Result run(Device device, long seed) {
    Precision precision = device.info().precision();
    double allowed = tolerance.of(precision);
    boolean halves = device.activations() == DataType.F16;
    // Each case has numbers of its own, whatever runs before it.
    long own = seed * 31 + (operation + shape).hashCode();
    try {
      List<Side.Output> expected =
          otherwise == null
              ? outputs(new PlainDevice(), play, own, halves)
              : outputs(device, otherwise, own, halves);
      long before = device.liveBytes();
      List<Side.Output> actual = outputs(device, play, own, halves);
      long kept = device.liveBytes() - before;
      if (kept != 0) {
        return failed(allowed, kept + " bytes of the device are still in use afterwards");
      }
      return compare(expected, actual, allowed);
    } catch (RuntimeException e) {
      return failed(allowed, e.getMessage() == null ? e.toString() : e.getMessage());
    }
  }

  private static List<Side.Output> outputs(Device device, Play play, long seed, boolean halves) {
    try (Side side = new Side(device, seed, halves)) {
      play.on(side);
      return side.outputs();
    }
  }

  private Result failed(double allowed, String message) {
    return new Result(operation, shape, Double.POSITIVE_INFINITY, allowed, false, message);
  }

  private Result compare(List<Side.Output> expected, List<Side.Output> actual, double allowed) {
    Side.require(expected.size() == actual.size(), "the sides have different outputs");
    double worst = 0;
    String failure = "";
    double excess = 1;
    String other = otherwise == null ? "should be" : "in another batch it is";
    for (int o = 0; o < expected.size(); o++) {
      float[] wanted = expected.get(o).values();
      float[] got = actual.get(o).values();
      String name = expected.get(o).name();
      if (wanted.length != got.length) {
        return failed(
            allowed, "%s has %d values, not %d".formatted(name, got.length, wanted.length));
      }
      double bound = expected.get(o).exact() ? 0 : allowed;
      for (int i = 0; i < wanted.length; i++) {
        double error = error(wanted[i], got[i]);
        if (expected.get(o).exact() && Float.compare(wanted[i], got[i]) != 0) {
          error = Math.max(error, Float.MIN_VALUE); // Zeros of two signs.
        }
        worst = Math.max(worst, error);
        double over = error <= bound ? 0 : bound == 0 ? Double.POSITIVE_INFINITY : error / bound;
        if (over > excess || (over == Double.POSITIVE_INFINITY && failure.isEmpty())) {
          excess = over;
          failure = "%s[%d] is %s, %s %s".formatted(name, i, got[i], other, wanted[i]);
        }
      }
    }
    return new Result(operation, shape, worst, allowed, failure.isEmpty(), failure);
  }

  /** Relative to max(1, |expected|); infinite where one is NaN or infinite and the other not. */
  private static double error(float expected, float actual) {
    if (Float.compare(expected, actual) == 0 || expected == actual) {
      return 0;
    }
    if (Float.isFinite(expected) && Float.isFinite(actual)) {
      return Math.abs((double) actual - expected) / Math.max(1, Math.abs((double) expected));
    }
    return Double.POSITIVE_INFINITY;
  }
}
