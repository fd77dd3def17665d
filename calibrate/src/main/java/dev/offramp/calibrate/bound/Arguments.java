package dev.offramp.calibrate.bound;

import dev.offramp.calibrate.CalibrationException;

/** What the bounds ask of their arguments. */
final class Arguments {
  private Arguments() {}

  static void checkCount(int n) {
    if (n < 1) {
      throw new CalibrationException("a bound needs at least 1 sample, not " + n);
    }
  }

  static void checkSum(double sum, int n) {
    checkCount(n);
    if (!(sum >= 0 && sum <= n)) {
      throw new CalibrationException(
          "the sum of %d losses in [0, 1] cannot be %s; divide losses by their bound"
              .formatted(n, sum));
    }
  }

  static void checkAlpha(double alpha) {
    if (Double.isNaN(alpha)) {
      throw new CalibrationException("the risk level is NaN; give a number");
    }
  }

  static void checkDelta(double delta) {
    if (!(delta > 0 && delta < 1)) {
      throw new CalibrationException(
          "delta " + delta + " is outside (0, 1); give a probability such as 0.1");
    }
  }

  static void checkBound(double bound) {
    if (!(bound > 0 && bound < Double.POSITIVE_INFINITY)) {
      throw new CalibrationException(
          "loss bound " + bound + " is not a positive number; give the largest loss possible");
    }
  }
}
