package dev.offramp.calibrate.bound;

/**
 * The Hoeffding-Bentkus p-value and bound for losses in [0, 1]: Bates et al., "Distribution-Free,
 * Risk-Controlling Prediction Sets", arXiv 2101.02703, as used by Learn then Test, arXiv
 * 2110.01052. With S the sum of n losses, r = S / n, and h1(a, b) = a ln(a / b) + (1 - a) ln((1 -
 * a) / (1 - b)):
 *
 * <pre>p = min(1, exp(-n h1(min(r, alpha), alpha)), e P(Bin(n, alpha) <= ceil(S)))</pre>
 */
public final class HoeffdingBentkus {
  /** A sum of integers that went through divisions may sit this far above an integer. */
  private static final double SUM_ROUNDING = 1e-9;

  private HoeffdingBentkus() {}

  /** The p-value, in [0, 1]; 0 where it underflows. Arguments as in {@link #logPValue}. */
  public static double pValue(double sum, int n, double alpha) {
    return Math.exp(logPValue(sum, n, alpha));
  }

  /**
   * Natural logarithm of the p-value, in [-infinity, 0]; it does not underflow.
   *
   * @param sum sum of the n losses, in [0, n]
   * @param n number of losses, at least 1
   * @param alpha risk level; at 0 or below nothing can be rejected (p = 1), at 1 or above
   *     everything is (p = 0)
   * @throws dev.offramp.calibrate.CalibrationException if an argument is outside its range or NaN
   */
  public static double logPValue(double sum, int n, double alpha) {
    Arguments.checkSum(sum, n);
    Arguments.checkAlpha(alpha);
    return alpha >= 1 ? Double.NEGATIVE_INFINITY : logP(sum, n, alpha);
  }

  /**
   * Upper confidence bound for the expected loss: the largest level in [sum / n, 1) at which the
   * p-value is at least delta, or 1 where no level has a smaller one.
   *
   * @param sum sum of the n losses, in [0, n]
   * @param n number of losses, at least 1
   * @param delta probability with which the bound may fail, in (0, 1)
   * @throws dev.offramp.calibrate.CalibrationException if an argument is outside its range or NaN
   */
  public static double upperBound(double sum, int n, double delta) {
    Arguments.checkSum(sum, n);
    Arguments.checkDelta(delta);
    double logDelta = Math.log(delta);
    return Root.inUnitInterval(sum / n, alpha -> logP(sum, n, alpha) - logDelta);
  }

  /** For alpha below 1. */
  private static double logP(double sum, int n, double alpha) {
    double mean = sum / n;
    if (mean >= alpha) {
      // The Bentkus half is void too: a binomial median is at most ceil(n alpha).
      return 0;
    }
    double logHoeffding = -n * relativeEntropy(mean, alpha);
    int ceiling = (int) Math.ceil(sum - SUM_ROUNDING);
    double logBentkus = 1 + Binomial.logCumulative(ceiling, n, alpha);
    return Math.min(0, Math.min(logHoeffding, logBentkus));
  }

  /** h1(a, b) for a in [0, b) and b in (0, 1), without cancellation where a is close to b. */
  private static double relativeEntropy(double a, double b) {
    double logRatio = a < b / 2 ? Math.log(a / b) : Math.log1p((a - b) / b);
    return (a == 0 ? 0 : a * logRatio) + (1 - a) * Math.log1p((b - a) / (1 - b));
  }
}
