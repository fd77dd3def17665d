package dev.offramp.calibrate;

import java.util.stream.IntStream;

/** Thresholds to try, fixed before the calibration data is seen. */
public final class Grid {
  private static final int DEFAULT_STEPS = 200;

  private Grid() {}

  /** From 1 (never exit) down to 0 in steps of 0.005; shape [201]. */
  public static double[] uniform() {
    return uniform(DEFAULT_STEPS);
  }

  /**
   * From 1 (never exit) down to 0 in equal steps; shape [steps + 1].
   *
   * @throws CalibrationException if steps is less than 1
   */
  public static double[] uniform(int steps) {
    if (steps < 1) {
      throw new CalibrationException("a grid needs at least 1 step, not " + steps);
    }
    return IntStream.rangeClosed(0, steps).mapToDouble(k -> (steps - k) / (double) steps).toArray();
  }
}
