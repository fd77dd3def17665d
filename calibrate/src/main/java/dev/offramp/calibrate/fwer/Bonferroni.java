package dev.offramp.calibrate.fwer;

import java.util.BitSet;
import java.util.stream.IntStream;

/** Bonferroni's correction: each of the m hypotheses is tested at delta / m. */
public final class Bonferroni {
  private Bonferroni() {}

  /**
   * @param pValues shape [m]
   * @return indices of the rejected hypotheses
   */
  public static BitSet reject(double[] pValues, double delta) {
    double level = delta / pValues.length;
    return IntStream.range(0, pValues.length)
        .filter(i -> pValues[i] <= level)
        .collect(BitSet::new, BitSet::set, BitSet::or);
  }
}
