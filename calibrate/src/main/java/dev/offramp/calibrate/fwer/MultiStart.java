package dev.offramp.calibrate.fwer;

import java.util.BitSet;

/**
 * Fixed-sequence testing from several starting points, spread evenly over the sequence, each with
 * its share delta / starts: Learn then Test, arXiv 2110.01052, Algorithm 1. It can reach a safe
 * stretch behind an unsafe one.
 */
public final class MultiStart {
  private MultiStart() {}

  /**
   * @param pValues shape [m], in testing order
   * @param starts number of starting points, at least 1; of more than m only m are used
   * @return indices of the rejected hypotheses
   */
  public static BitSet reject(double[] pValues, double delta, int starts) {
    int m = pValues.length;
    int walks = Math.min(starts, m);
    BitSet rejected = new BitSet(m);
    for (int walk = 0; walk < walks; walk++) {
      int first = (int) ((long) m * walk / walks);
      for (int i = first; i < m && pValues[i] <= delta / walks; i++) {
        rejected.set(i);
      }
    }
    return rejected;
  }
}
