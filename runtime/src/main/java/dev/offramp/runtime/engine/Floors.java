package dev.offramp.runtime.engine;

import java.util.Arrays;

/**
 * Thresholds as the runtime compares them: a row leaves at an exit if and only if its confidence, a
 * float, is above the floor. For floats that is the same as being above the threshold itself.
 */
public final class Floors {
  /** The threshold at which no row exits early: every row runs to the last exit. */
  public static final double NEVER = 1.0;

  /** No confidence is above it: such an exit's head is not even asked. */
  static final float PASS_BY = Float.POSITIVE_INFINITY;

  private final float[] floors; // (exits before the last)

  private Floors(float[] floors) {
    this.floors = floors;
  }

  /**
   * Checks thresholds.
   *
   * @param thresholds shape [stages - 1], each in [0, 1]; an exit with {@link #NEVER} is passed by,
   *     its head not even computed
   * @param stages stages of the network
   */
  public static Floors of(double[] thresholds, int stages) {
    if (thresholds.length != stages - 1) {
      throw new IllegalArgumentException(
          "%d thresholds: there are %d exits before the last"
              .formatted(thresholds.length, stages - 1));
    }
    float[] floors = new float[thresholds.length];
    for (int exit = 0; exit < floors.length; exit++) {
      double lambda = thresholds[exit];
      if (!(lambda >= 0 && lambda <= 1)) {
        throw new IllegalArgumentException("lambda " + lambda + ": must be in [0, 1]");
      }
      floors[exit] = lambda == NEVER ? PASS_BY : floor(lambda);
    }
    return new Floors(floors);
  }

  /** The same threshold for all exits before the last, shape [stages - 1]. */
  public static double[] everywhere(double lambda, int stages) {
    double[] thresholds = new double[stages - 1];
    Arrays.fill(thresholds, lambda);
    return thresholds;
  }

  /** The same floor for exits before the last. */
  static Floors same(float floor, int exits) {
    float[] floors = new float[exits];
    Arrays.fill(floors, floor);
    return new Floors(floors);
  }

  /** The largest float that is at most lambda: for floats, above the one is above the other. */
  static float floor(double lambda) {
    float nearest = (float) lambda;
    return nearest > lambda ? Math.nextDown(nearest) : nearest;
  }

  /** The exit at which every row leaves. */
  public int last() {
    return floors.length;
  }

  float at(int exit) {
    return floors[exit];
  }

  /** Whether the head of an exit is asked at all. */
  public boolean asks(int exit) {
    return exit == last() || floors[exit] != PASS_BY;
  }

  /** Whether a row of that confidence leaves there; NaN leaves at the last exit only. */
  public boolean leaves(int exit, float confidence) {
    return exit == last() || confidence > floors[exit];
  }
}
