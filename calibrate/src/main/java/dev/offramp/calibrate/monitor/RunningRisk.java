package dev.offramp.calibrate.monitor;

import dev.offramp.calibrate.CalibrationException;

/**
 * Bounds for the risk so far: for the average over i = 1 .. t of mu_i, the expected loss i given
 * all losses before. Except with probability delta both bounds hold at all times t at once, also
 * where the risk drifts. Then they speak about the average over all of the time, not about now; and
 * as that average moves, a bound of an earlier time says nothing about it.
 *
 * <p>The empirical Bernstein bound of Howard, Ramdas, McAuliffe and Sekhon, arXiv 1810.08240, with
 * losses x_i scaled to [0, 1] and centres c_i = (1/2 + x_1 + .. + x_{i-1}) / i known before x_i:
 *
 * <pre>
 * V = (x_1 - c_1)^2 + .. + (x_t - c_t)^2,  psi(l) = -ln(1 - l) - l
 * M(s) = average over l of exp(l s - psi(l) V),  r = the s with M(s) = 2 / delta
 * bounds: (x_1 + .. + x_t -+ r) / t
 * </pre>
 *
 * <p>Proof. exp(l y - psi(l) y^2) &lt;= 1 + l y for y &gt;= -1 and 0 &lt;= l &lt; 1. The lower
 * bound takes y = x_i - c_i, which is at least -1 as x_i &gt;= 0 and c_i &lt;= 1: the mean of the
 * right side given the past is 1 + l (mu_i - c_i) &lt;= exp(l (mu_i - c_i)), so M at the sum of x_i
 * - mu_i is a nonnegative supermartingale from 1, and that sum ever exceeds r with probability at
 * most delta / 2 (Ville's inequality). The upper bound takes y = c_i - x_i, at least -1 as x_i
 * &lt;= 1 and c_i &gt;= 0, and so on with the signs turned. V is the same for both, hence r.
 *
 * <p>The l lie evenly in their logarithm from 1e-4, the best for about 1e9 losses, to 0.9. Takes
 * constant memory. Not safe for use by several threads at once.
 */
public final class RunningRisk {
  private static final int RATES = 32;
  private static final double SMALLEST = 1e-4;
  private static final double LARGEST = 0.9;

  /** l and psi(l). */
  private static final double[] RATE = new double[RATES];

  private static final double[] PRICE = new double[RATES];

  static {
    for (int k = 0; k < RATES; k++) {
      double rate = SMALLEST * Math.pow(LARGEST / SMALLEST, k / (RATES - 1.0));
      RATE[k] = rate;
      PRICE[k] = -Math.log1p(-rate) - rate;
    }
  }

  private final LossRange range;

  /** ln of what the sum over l reaches: 2 / delta times their number. */
  private final double target;

  private long count;
  private double sum;
  private double squares;

  /**
   * @param low the smallest loss possible
   * @param high the largest loss possible
   * @param delta probability with which a bound may fail at some time, in (0, 1)
   * @throws CalibrationException if an argument is outside its range or NaN
   */
  public RunningRisk(double low, double high, double delta) {
    range = new LossRange(low, high);
    LossRange.checkDelta(delta);
    target = Math.log(2.0 * RATES) - Math.log(delta);
  }

  /**
   * Takes the next loss.
   *
   * @throws CalibrationException if it is NaN or outside [low, high] by more than rounding; it is
   *     not counted then
   */
  public void observe(double loss) {
    double scaled = (range.check(loss, count + 1) - range.low()) / range.width();
    double deviation = scaled - (0.5 + sum) / (count + 1);
    count++;
    sum += scaled;
    squares += deviation * deviation;
  }

  /** Number of losses taken. */
  public long count() {
    return count;
  }

  /** Mean of the losses taken; NaN while there are none. */
  public double mean() {
    return unscaled(sum / count);
  }

  /** Lower bound, in [low, high]; low while there are no losses. */
  public double lower() {
    return count == 0 ? range.low() : unscaled((sum - radius()) / count);
  }

  /** Upper bound, in [low, high]; high while there are no losses. */
  public double upper() {
    return count == 0 ? range.high() : unscaled((sum + radius()) / count);
  }

  private double unscaled(double scaled) {
    return Math.clamp(range.low() + range.width() * scaled, range.low(), range.high());
  }

  /**
   * r, above 0 as M(0) is at most 1. Where the term of one l alone reaches the target, the sum is
   * at least there; from the smallest such s, Newton's steps on the convex ln M come down to r and
   * never fall below it.
   */
  private double radius() {
    double s = Double.POSITIVE_INFINITY;
    for (int k = 0; k < RATES; k++) {
      s = Math.min(s, (target + PRICE[k] * squares) / RATE[k]);
    }
    for (double step = s; step > 1e-12 * s; s -= step) {
      step = newtonStep(s);
    }
    return s;
  }

  /** (ln M(s) - ln(2 / delta)) / (ln M)'(s). */
  private double newtonStep(double s) {
    double top = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < RATES; k++) {
      top = Math.max(top, RATE[k] * s - PRICE[k] * squares);
    }
    double total = 0;
    double slope = 0;
    for (int k = 0; k < RATES; k++) {
      double term = Math.exp(RATE[k] * s - PRICE[k] * squares - top);
      total += term;
      slope += RATE[k] * term;
    }
    return (top + Math.log(total) - target) * total / slope;
  }
}
