package dev.offramp.runtime.bench;

import java.util.Arrays;
import org.apache.commons.math3.stat.descriptive.rank.Median;

/** Quantiles of measured values. */
public final class Quantiles {
  private Quantiles() {}

  /**
   * The least value that a share {@code p} of the values stays within.
   *
   * @param ascending at least one value
   */
  public static double of(double[] ascending, double p) {
    int rank = (int) Math.ceil(p * ascending.length) - 1;
    return ascending[Math.clamp(rank, 0, ascending.length - 1)];
  }

  /** The middle value, or the mean of the two in the middle. */
  public static double median(double[] values) {
    return new Median().evaluate(values);
  }

  /** The 10th and the 90th percentile: the spread of what rounds found. */
  static double[] spread(double[] values) {
    double[] sorted = sorted(values);
    return new double[] {of(sorted, 0.1), of(sorted, 0.9)};
  }

  /** Median over the rounds of one mode's value divided by another's in the same round. */
  static double ratio(double[] one, double[] other) {
    return median(ratios(one, other));
  }

  /** One mode's value of each round divided by another's in the same round. */
  static double[] ratios(double[] one, double[] other) {
    double[] ratios = new double[one.length];
    for (int r = 0; r < ratios.length; r++) {
      ratios[r] = one[r] / other[r];
    }
    return ratios;
  }

  static double[] sorted(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted;
  }
}
