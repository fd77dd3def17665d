package dev.offramp.calibrate.monitor;

import dev.offramp.calibrate.CalibrationException;

/**
 * Where losses lie.
 *
 * @param low the smallest loss possible
 * @param high the largest loss possible
 * @throws CalibrationException unless both are finite and low is below high
 */
record LossRange(double low, double high) {
  /** What rounding may do to a loss at an end of the range, as a share of it. */
  private static final double ROUNDING = 1e-9;

  LossRange {
    if (!(low < high && Double.isFinite(high - low))) {
      throw new CalibrationException(
          "losses cannot range from %s to %s; give the smallest and the largest loss possible"
              .formatted(low, high));
    }
  }

  double width() {
    return high - low;
  }

  /**
   * The loss, which rounding may have put just outside, in [low, high].
   *
   * @param number of the observation, from 1, for the message
   * @throws CalibrationException if it is NaN or further outside
   */
  double check(double loss, long number) {
    double slack = ROUNDING * width();
    if (!(loss >= low - slack && loss <= high + slack)) {
      throw new CalibrationException(
          "loss %s of observation %d is not in [%s, %s]; check the risk it belongs to"
              .formatted(loss, number, low, high));
    }
    return Math.clamp(loss, low, high);
  }

  /**
   * @throws CalibrationException if delta is not in (0, 1)
   */
  static void checkDelta(double delta) {
    if (!(delta > 0 && delta < 1)) {
      throw new CalibrationException(
          "delta " + delta + " is outside (0, 1); give a probability such as 0.05");
    }
  }
}
