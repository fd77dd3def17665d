package dev.offramp.calibrate;

import dev.offramp.calibrate.bound.Betting;
import dev.offramp.calibrate.bound.Binomial;
import dev.offramp.calibrate.bound.Hoeffding;
import dev.offramp.calibrate.bound.HoeffdingBentkus;

/**
 * Bounds and p-values for the expectation of losses up to a bound B. All but {@link #BETTING} are
 * for losses in [0, B]: a negative loss counts as 0, which raises the mean and so is on the safe
 * side.
 */
enum Tail {
  /** Waudby-Smith and Ramdas' betting bound; takes negative losses as they are. */
  BETTING {
    @Override
    double pValue(double[] losses, double bound, double delta, double epsilon) {
      return Betting.pValue(losses, bound, delta, epsilon);
    }

    @Override
    double upperBound(double[] losses, double bound, double delta) {
      return Betting.upperBound(losses, bound, delta);
    }
  },

  HOEFFDING_BENTKUS {
    @Override
    double pValue(double[] losses, double bound, double delta, double epsilon) {
      return HoeffdingBentkus.pValue(clippedSum(losses, bound), losses.length, epsilon / bound);
    }

    @Override
    double upperBound(double[] losses, double bound, double delta) {
      return bound * HoeffdingBentkus.upperBound(clippedSum(losses, bound), losses.length, delta);
    }
  },

  HOEFFDING {
    @Override
    double pValue(double[] losses, double bound, double delta, double epsilon) {
      return Hoeffding.pValue(clippedSum(losses, bound), losses.length, epsilon / bound);
    }

    @Override
    double upperBound(double[] losses, double bound, double delta) {
      int n = losses.length;
      return bound * Hoeffding.upperBound(clippedSum(losses, bound) / n, n, delta, 1);
    }
  },

  /** The exact test; an error for losses that are neither 0 nor B once clipped. */
  BINOMIAL {
    @Override
    double pValue(double[] losses, double bound, double delta, double epsilon) {
      return Binomial.pValue(successes(losses, bound), losses.length, epsilon / bound);
    }

    @Override
    double upperBound(double[] losses, double bound, double delta) {
      return bound * Binomial.upperBound(successes(losses, bound), losses.length, delta);
    }
  };

  /**
   * p-value of the hypothesis that the expected loss is at least epsilon.
   *
   * @param losses in order of arrival
   * @param delta the level at which it will be tested; only the stakes of {@link #BETTING} use it
   */
  abstract double pValue(double[] losses, double bound, double delta, double epsilon);

  /** Upper confidence bound of the expected loss, which fails with probability at most delta. */
  abstract double upperBound(double[] losses, double bound, double delta);

  /** Sum of max(loss, 0) / bound, each term in [0, 1]. */
  private static double clippedSum(double[] losses, double bound) {
    double sum = 0;
    for (double loss : losses) {
      sum += Math.max(loss, 0) / bound;
    }
    return sum;
  }

  private static int successes(double[] losses, double bound) {
    int successes = 0;
    for (int i = 0; i < losses.length; i++) {
      if (losses[i] == bound) {
        successes++;
      } else if (losses[i] > 0) {
        throw new CalibrationException(
            ("loss %s of sample %d is neither 0 nor the bound %s: the binomial methods are for such"
                    + " losses only; use the methods in -wsr or -hb")
                .formatted(losses[i], i, bound));
      }
    }
    return successes;
  }
}
