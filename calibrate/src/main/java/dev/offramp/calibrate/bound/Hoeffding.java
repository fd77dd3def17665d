package dev.offramp.calibrate.bound;

/**
 * Hoeffding's inequality for the mean of bounded losses: Hoeffding, "Probability inequalities for
 * sums of bounded random variables", 1963, Theorem 2. The simplest of the bounds, and the loosest.
 */
public final class Hoeffding {
  private Hoeffding() {}

  /** The p-value, in [0, 1]; 0 where it underflows. Arguments as in {@link #logPValue}. */
  public static double pValue(double sum, int n, double alpha) {
    return Math.exp(logPValue(sum, n, alpha));
  }

  /**
   * Natural logarithm of the p-value exp(-2 n max(alpha - sum / n, 0)^2), in [-infinity, 0].
   *
   * @param sum sum of the n losses, in [0, n]
   * @param n number of losses in [0, 1], at least 1
   * @param alpha risk level; at 0 or below nothing can be rejected (p = 1), at 1 or above
   *     everything is (p = 0)
   * @throws dev.offramp.calibrate.CalibrationException if an argument is outside its range or NaN
   */
  public static double logPValue(double sum, int n, double alpha) {
    Arguments.checkSum(sum, n);
    Arguments.checkAlpha(alpha);
    if (alpha >= 1) {
      return Double.NEGATIVE_INFINITY;
    }
    double excess = Math.max(alpha - sum / n, 0);
    return 0 - 2.0 * n * excess * excess;
  }

  /**
   * Upper confidence bound min(mean + range sqrt(ln(1 / delta) / (2 n)), range) for the expected
   * loss.
   *
   * @param mean mean of the losses, which lie in [a, a + range] for some a at most 0
   * @param n number of losses, at least 1
   * @param delta probability with which the bound may fail, in (0, 1)
   * @param range difference of the largest and the smallest loss possible, positive
   * @throws dev.offramp.calibrate.CalibrationException if an argument is outside its range or NaN
   */
  public static double upperBound(double mean, int n, double delta, double range) {
    Arguments.checkBound(range);
    Arguments.checkSum(Math.abs(mean) / range, 1);
    Arguments.checkCount(n);
    Arguments.checkDelta(delta);
    return Math.min(mean + range * Math.sqrt(-Math.log(delta) / (2.0 * n)), range);
  }
}
