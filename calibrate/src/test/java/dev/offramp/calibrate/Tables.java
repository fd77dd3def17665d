package dev.offramp.calibrate;

import java.util.Arrays;

/** Loss tables for tests. */
final class Tables {
  private Tables() {}

  /** Row k has ones[k] losses of 1 among n. */
  static LossTable table(int n, int... ones) {
    double[][] losses = new double[ones.length][n];
    for (int k = 0; k < ones.length; k++) {
      Arrays.fill(losses[k], 0, ones[k], 1);
    }
    double[] lambdas = Arrays.copyOf(Grid.uniform(10), ones.length);
    return new LossTable(lambdas, losses, 1);
  }
}
