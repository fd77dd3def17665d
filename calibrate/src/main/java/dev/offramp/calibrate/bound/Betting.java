package dev.offramp.calibrate.bound;

import dev.offramp.calibrate.CalibrationException;

/**
 * The betting bound of Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
 * betting", arXiv 2010.09686, in the form that Bates et al., arXiv 2101.02703, use for risk
 * control. A gambler who believes the expected loss to be below R stakes on each loss in turn; were
 * it R, the wealth K would be a fair game, so that (Ville's inequality) it exceeds 1 / delta at any
 * time with probability at most delta. For losses x_1 .. x_n of at most B, in order of arrival:
 *
 * <pre>
 * m_i = (1/2 + x_1 + .. + x_i) / (i + 1)
 * v_i = (1/4 + (x_1 - m_1)^2 + .. + (x_i - m_i)^2) / (i + 1),  v_0 = 1/4
 * s_i = min(1 / B, sqrt(2 ln(1 / delta) / (n v_{i-1})))
 * K_i(R) = (1 - s_1 (x_1 - R)) .. (1 - s_i (x_i - R)),  K(R) = max_i K_i(R)
 * </pre>
 *
 * <p>Losses need no lower bound: negative ones are fine. The result depends on the order of the
 * losses, which must not be chosen after seeing them. The stakes, and with them the p-value, depend
 * on delta.
 */
public final class Betting {
  /** Below 1 / FRAME or above FRAME the running product is folded into its logarithm. */
  private static final double FRAME = 0x1p500;

  /** The factor of loss i in K(R) is fixed[i] + stakes[i] R; both are at least 0. */
  private final double[] fixed;

  private final double[] stakes;

  /** What the bound comes to where all stakes are small and alike, limited to [0, B]. */
  private final double typicalBound;

  private Betting(double[] losses, double bound, double delta) {
    Arguments.checkCount(losses.length);
    Arguments.checkBound(bound);
    Arguments.checkDelta(delta);
    int n = losses.length;
    fixed = new double[n];
    stakes = new double[n];
    double scale = -2 * Math.log(delta) / n;
    double sum = 0.5;
    double squares = 0.25;
    for (int i = 0; i < n; i++) {
      double loss = losses[i];
      if (!(loss <= bound && loss > Double.NEGATIVE_INFINITY)) {
        throw new CalibrationException(
            "loss %s of sample %d is not a number up to the bound %s".formatted(loss, i, bound));
      }
      double stake = Math.min(1 / bound, Math.sqrt(scale * (i + 1) / squares));
      stakes[i] = stake;
      // 1 - stake loss, without cancellation where the loss is near the bound. Less than that is
      // on the safe side; only losses beyond -FRAME meet the limit.
      double below = Math.min(bound - loss, Double.MAX_VALUE);
      fixed[i] = Math.min(Math.max(0, 1 - stake * bound) + stake * below, FRAME);
      sum += loss;
      double deviation = loss - sum / (i + 2);
      squares += deviation * deviation;
    }
    double typical = sum / n + Math.sqrt(scale * squares / n);
    // Not a number where losses are so far below 0 that sums overflow.
    typicalBound = typical >= 0 ? Math.min(typical, bound) : 0;
  }

  /** The p-value, in [0, 1]; 0 where it underflows. Arguments as in {@link #logPValue}. */
  public static double pValue(double[] losses, double bound, double delta, double alpha) {
    return Math.exp(logPValue(losses, bound, delta, alpha));
  }

  /**
   * Natural logarithm of the p-value min(1, 1 / K(alpha)), in [-infinity, 0]; it does not
   * underflow.
   *
   * @param losses the losses in order of arrival, at least 1, each at most the bound
   * @param bound B, the largest loss possible, positive
   * @param delta the probability of failure for which the stakes are chosen, in (0, 1)
   * @param alpha risk level, in the unit of the losses; below 0 nothing can be rejected (p = 1)
   * @throws CalibrationException if an argument is outside its range or NaN
   */
  public static double logPValue(double[] losses, double bound, double delta, double alpha) {
    Arguments.checkAlpha(alpha);
    Betting betting = new Betting(losses, bound, delta);
    return alpha < 0 ? 0 : Math.min(0, 0 - betting.logWealth(alpha));
  }

  /**
   * Upper confidence bound for the expected loss: the largest R in [0, B] with K(R) at most 1 /
   * delta, or 0 where there is none.
   *
   * @param losses the losses in order of arrival, at least 1, each at most the bound
   * @param bound B, the largest loss possible, positive
   * @param delta probability with which the bound may fail, in (0, 1)
   * @throws CalibrationException if an argument is outside its range or NaN
   */
  public static double upperBound(double[] losses, double bound, double delta) {
    Betting betting = new Betting(losses, bound, delta);
    double threshold = -Math.log(delta);
    if (betting.logWealth(0) > threshold) {
      return 0;
    }
    if (betting.logWealth(bound) <= threshold) {
      return bound;
    }
    double middle = betting.typicalBound;
    boolean above = betting.logWealth(middle) > threshold;
    return Root.between(
        above ? 0 : middle, above ? middle : bound, risk -> betting.logWealth(risk) - threshold);
  }

  /** ln K(risk), for a risk of at least 0. */
  private double logWealth(double risk) {
    double logBest = Double.NEGATIVE_INFINITY;
    double logFolded = 0;
    double best = 0;
    double product = 1;
    for (int i = 0; i < stakes.length; i++) {
      product *= fixed[i] + stakes[i] * risk;
      if (product > best) {
        best = product;
      }
      if (!(product > 1 / FRAME && product < FRAME)) {
        logBest = Math.max(logBest, logFolded + Math.log(best));
        logFolded += Math.log(product);
        best = 0;
        product = 1;
      }
    }
    return Math.max(logBest, logFolded + Math.log(best));
  }
}
