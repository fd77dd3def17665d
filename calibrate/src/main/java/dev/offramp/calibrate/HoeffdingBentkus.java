package dev.offramp.calibrate;

import org.apache.commons.math3.distribution.BinomialDistribution;

/**
 * The Hoeffding-Bentkus p-value for the hypothesis "the mean of losses in [0, 1] exceeds epsilon":
 * Bates et al., "Distribution-Free, Risk-Controlling Prediction Sets", arXiv 2101.02703, as used by
 * Learn then Test, arXiv 2110.01052. With S the sum of n losses, r = S / n, and h1(a, b) = a ln(a /
 * b) + (1 - a) ln((1 - a) / (1 - b)):
 *
 * <pre>p = min(1, exp(-n h1(min(r, epsilon), epsilon)), e P(Bin(n, epsilon) <= ceil(S)))</pre>
 */
public final class HoeffdingBentkus {
  /** A sum of integers that went through divisions may sit this far above an integer. */
  private static final double SUM_ROUNDING = 1e-9;

  private HoeffdingBentkus() {}

  /** The p-value, in [0, 1]; 0 where it underflows. Arguments as in {@link #logPValue}. */
  public static double pValue(double sum, int n, double epsilon) {
    return Math.exp(logPValue(sum, n, epsilon));
  }

  /**
   * Natural logarithm of the p-value, in [-infinity, 0]; it does not underflow.
   *
   * @param sum sum of the n losses, in [0, n]
   * @param n number of losses, at least 1
   * @param epsilon risk level; at 0 or below nothing can be rejected (p = 1), at 1 or above
   *     everything is (p = 0)
   * @throws CalibrationException if an argument is outside its range or NaN
   */
  public static double logPValue(double sum, int n, double epsilon) {
    if (n < 1) {
      throw new CalibrationException("a p-value needs at least 1 sample, not " + n);
    }
    if (!(sum >= 0 && sum <= n)) {
      throw new CalibrationException(
          "the sum of %d losses in [0, 1] cannot be %s".formatted(n, sum));
    }
    if (Double.isNaN(epsilon)) {
      throw new CalibrationException("epsilon is NaN");
    }
    if (epsilon <= 0) {
      return 0;
    }
    if (epsilon >= 1) {
      return Double.NEGATIVE_INFINITY;
    }
    double logHoeffding = -n * relativeEntropy(Math.min(sum / n, epsilon), epsilon);
    double logBentkus = 1 + logBinomialTail((int) Math.ceil(sum - SUM_ROUNDING), n, epsilon);
    return Math.min(0, Math.min(logHoeffding, logBentkus));
  }

  /** h1(a, b) for a in [0, b] and b in (0, 1). */
  private static double relativeEntropy(double a, double b) {
    double left = a == 0 ? 0 : a * Math.log(a / b);
    return left + (1 - a) * (Math.log1p(-a) - Math.log1p(-b));
  }

  /**
   * ln P(Bin(n, p) <= k), or 0 where k >= n p: there the probability is at least 1/2 (a binomial
   * median is at most ceil(n p)), and Bentkus' factor e makes the bound void.
   */
  private static double logBinomialTail(int k, int n, double p) {
    if (k >= n * p) {
      return 0;
    }
    // P(<= k) = P(= k) (1 + r_k + r_k r_{k-1} + ...) with r_j = P(= j - 1) / P(= j) < 1: only
    // positive terms, so it is exact far out in the tail, and P(= k) is taken in log space.
    double sum = 1;
    double term = 1;
    for (int j = k; j > 0 && term > sum * 0x1p-60; j--) {
      term *= j * (1 - p) / ((n - j + 1) * p);
      sum += term;
    }
    return new BinomialDistribution(null, n, p).logProbability(k) + Math.log(sum);
  }
}
