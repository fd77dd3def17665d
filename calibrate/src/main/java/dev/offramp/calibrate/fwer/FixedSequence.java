package dev.offramp.calibrate.fwer;

import java.util.BitSet;

/**
 * Fixed-sequence testing: walks the hypotheses in the order given, each at the whole of delta, and
 * stops at the first that is not rejected. The order must not depend on the data of the p-values.
 * Learn then Test, arXiv 2110.01052, Algorithm 1 with one start.
 */
public final class FixedSequence {
  private FixedSequence() {}

  /**
   * @param pValues shape [m], in testing order
   * @return indices of the unbroken run of rejected hypotheses, from 0
   */
  public static BitSet reject(double[] pValues, double delta) {
    BitSet rejected = new BitSet(pValues.length);
    for (int i = 0; i < pValues.length && pValues[i] <= delta; i++) {
      rejected.set(i);
    }
    return rejected;
  }
}
