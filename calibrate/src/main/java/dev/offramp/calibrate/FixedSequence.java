package dev.offramp.calibrate;

import java.util.function.IntPredicate;

/**
 * Walks the thresholds from never exit towards eager and stops at the first that fails. Because the
 * order is fixed before the data is seen, every test may use the whole of delta and none of the
 * rows passed exceeds epsilon with probability 1 - delta, even where the risk is not monotone:
 * fixed-sequence testing in Learn then Test, arXiv 2110.01052.
 */
public final class FixedSequence {
  private FixedSequence() {}

  /**
   * Last row of the unbroken run of rejected hypotheses "risk of row k > epsilon".
   *
   * @param pValues shape [K]; row 0 (never exit) is accepted without a test
   * @return row number in [0, K); a p-value equal to delta is rejected
   */
  public static int select(double[] pValues, double delta) {
    return prefix(pValues.length, k -> pValues[k] <= delta);
  }

  /** The greatest k such that rows 1 to k are all accepted, else 0. */
  static int prefix(int rows, IntPredicate accepted) {
    int k = 0;
    while (k + 1 < rows && accepted.test(k + 1)) {
      k++;
    }
    return k;
  }
}
