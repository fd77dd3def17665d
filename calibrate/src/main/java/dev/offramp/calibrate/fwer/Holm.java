package dev.offramp.calibrate.fwer;

import java.util.BitSet;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Holm's step-down procedure (1979): the smallest of m p-values is tested at delta / m, the next at
 * delta / (m - 1), and so on until one is not rejected. It rejects whatever Bonferroni rejects.
 */
public final class Holm {
  private Holm() {}

  /**
   * @param pValues shape [m]
   * @return indices of the rejected hypotheses
   */
  public static BitSet reject(double[] pValues, double delta) {
    int[] ascending =
        IntStream.range(0, pValues.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> pValues[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    BitSet rejected = new BitSet(pValues.length);
    for (int rank = 0; rank < ascending.length; rank++) {
      if (!(pValues[ascending[rank]] <= delta / (ascending.length - rank))) {
        break;
      }
      rejected.set(ascending[rank]);
    }
    return rejected;
  }
}
