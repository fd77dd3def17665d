package dev.offramp.calibrate.bound;

import dev.offramp.calibrate.CalibrationException;
import org.apache.commons.math3.distribution.BinomialDistribution;

/**
 * The exact test for losses that are 0 or 1, and its inverse, the bound of Clopper and Pearson,
 * "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934.
 */
public final class Binomial {
  private Binomial() {}

  /** The p-value, in [0, 1]; 0 where it underflows. Arguments as in {@link #logPValue}. */
  public static double pValue(int successes, int n, double alpha) {
    return Math.exp(logPValue(successes, n, alpha));
  }

  /**
   * Natural logarithm of the p-value P(Bin(n, alpha) <= successes), in [-infinity, 0].
   *
   * @param successes number of losses that are 1, in 0..n
   * @param n number of losses, at least 1
   * @param alpha risk level; at 0 or below nothing can be rejected (p = 1), at 1 or above
   *     everything is (p = 0) unless every loss is 1
   * @throws CalibrationException if an argument is outside its range or NaN
   */
  public static double logPValue(int successes, int n, double alpha) {
    check(successes, n);
    Arguments.checkAlpha(alpha);
    if (alpha <= 0 || successes == n) {
      return 0;
    }
    return alpha >= 1 ? Double.NEGATIVE_INFINITY : logCumulative(successes, n, alpha);
  }

  /**
   * Clopper-Pearson upper confidence bound for the probability of a loss of 1: the level at which
   * the p-value is delta, or 1 where there is none.
   *
   * @param successes number of losses that are 1, in 0..n
   * @param n number of losses, at least 1
   * @param delta probability with which the bound may fail, in (0, 1)
   * @throws CalibrationException if an argument is outside its range or NaN
   */
  public static double upperBound(int successes, int n, double delta) {
    check(successes, n);
    Arguments.checkDelta(delta);
    double logDelta = Math.log(delta);
    return Root.inUnitInterval(0, p -> logCumulative(successes, n, p) - logDelta);
  }

  private static void check(int successes, int n) {
    Arguments.checkCount(n);
    if (successes < 0 || successes > n) {
      throw new CalibrationException(
          "%d of %d losses cannot be 1; count the losses that are 1".formatted(successes, n));
    }
  }

  /** ln P(Bin(n, p) <= k) for k in 0..n and p in [0, 1). */
  static double logCumulative(int k, int n, double p) {
    if (k == n || p == 0) {
      return 0;
    }
    BinomialDistribution distribution = new BinomialDistribution(null, n, p);
    double odds = p / (1 - p);
    // Sums the tail that does not hold the mean, outwards from its largest term: only positive
    // terms, so it is exact far out, and its largest term is taken in log space.
    double sum = 1;
    double term = 1;
    if (k < n * p) {
      for (int j = k; j > 0 && term > sum * 0x1p-60; j--) {
        term *= j / ((n - j + 1) * odds);
        sum += term;
      }
      return Math.min(0, distribution.logProbability(k) + Math.log(sum));
    }
    for (int j = k + 1; j < n && term > sum * 0x1p-60; j++) {
      term *= (n - j) * odds / (j + 1.0);
      sum += term;
    }
    return Math.log1p(-Math.exp(distribution.logProbability(k + 1) + Math.log(sum)));
  }
}
