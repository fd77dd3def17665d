package dev.offramp.calibrate.monitor;

import dev.offramp.calibrate.CalibrationException;

/**
 * An alarm for a risk that is, or at some time becomes, larger than epsilon. While the expected
 * loss, given all losses before, is at most epsilon at each step (the hypothesis), the probability
 * of an alarm <b>ever</b> is at most delta. It is a game: gamblers stake on losses above epsilon,
 * and were the hypothesis true, they could not expect to win.
 *
 * <p>For losses x_1, x_2, .. in [low, high], stakes b_1 .. b_J fixed ahead with 0 &lt; b (epsilon -
 * low) &lt; 1, and shares w_t = 1 / sqrt(t) - 1 / sqrt(t + 1) of the capital, which add up to 1:
 *
 * <pre>
 * S_t(b) = (S_{t-1}(b) + w_t) (1 + b (x_t - epsilon)),  S_0(b) = 0
 * E_t    = (S_t(b_1) + .. + S_t(b_J)) / J + R_t,        R_t = 1 / sqrt(t + 1)
 * alarm at the first t with E_t &gt;= 1 / delta
 * </pre>
 *
 * <p>Proof. Factors are positive, as x_t is at least low; given the past their mean is at most 1
 * under the hypothesis, and w_t is known before x_t. So the mean of E_t given the past is at most
 * the average of S_{t-1} + w_t, plus R_t; as w_t + R_t = R_{t-1}, that is E_{t-1}. Hence E is a
 * nonnegative supermartingale from E_0 = 1, which ever reaches 1 / delta with probability at most
 * delta (Ville's inequality).
 *
 * <p>Why capital comes in shares: S_t sums, over all starts k up to t, w_k times the product of the
 * factors from k on. A plain product from the first loss on loses a little with each loss of a
 * quiet time, and after a drift must win all of that back first, the longer the later the drift
 * comes. Here a start just before the drift has lost nothing yet; its price is its small share,
 * about t^(-3/2) / 2. (With shares of 1 / (t (t + 1)) alarms after 10,000 quiet losses took 30 %
 * longer, and hardly less without a quiet time.)
 *
 * <p>Stakes are spaced evenly in their logarithm between the best one for a risk a twentieth above
 * epsilon, with losses that vary as much as they can, and nine tenths of the stake that one loss of
 * low would ruin. They are limited to 900 / (high - low), or an epsilon equal to low would allow
 * any stake. An epsilon of high or more cannot be exceeded, and there is never an alarm.
 *
 * <p>Sources: Waudby-Smith and Ramdas, arXiv 2010.09686 (betting); Podkopaev and Ramdas, arXiv
 * 2110.06177 (tracking the risk of a deployed model); Shin, Ramdas and Rinaldo, arXiv 2203.03532
 * (sums over starts). Not safe for use by several threads at once.
 */
public final class DriftAlarm {
  private static final int STAKES = 20;

  private final LossRange range;
  private final double epsilon;
  private final double delta;
  private final double[] stakes = new double[STAKES];

  /** S by stake. Never underflows: w_t comes in anew and a factor is at least a tenth. */
  private final double[] sums = new double[STAKES];

  private double evidence = 1;
  private double rest = 1;
  private long observed;
  private long alarmedAt;

  /**
   * @param epsilon the risk promised, in the unit of the losses, at least low
   * @param low the smallest loss possible
   * @param high the largest loss possible
   * @param delta probability of ever raising a false alarm, in (0, 1)
   * @throws CalibrationException if an argument is outside its range or NaN
   */
  public DriftAlarm(double epsilon, double low, double high, double delta) {
    range = new LossRange(low, high);
    LossRange.checkDelta(delta);
    if (!(epsilon >= low && epsilon < Double.POSITIVE_INFINITY)) {
      throw new CalibrationException(
          "epsilon %s is not a risk that losses in [%s, %s] can keep; give one of at least %s"
              .formatted(epsilon, low, high, low));
    }
    this.epsilon = epsilon;
    this.delta = delta;
    double smallest = 0.05 / Math.max(epsilon - low, high - epsilon);
    double largest = 0.9 / Math.max(epsilon - low, 1e-3 * range.width());
    for (int j = 0; j < STAKES; j++) {
      stakes[j] = smallest * Math.pow(largest / smallest, j / (STAKES - 1.0));
    }
  }

  /**
   * Takes the next loss. After the alarm it is only counted.
   *
   * @return whether this loss raised the alarm
   * @throws CalibrationException if the loss is NaN or outside [low, high] by more than rounding;
   *     it is not counted then
   */
  public boolean observe(double loss) {
    double gain = range.check(loss, observed + 1) - epsilon;
    observed++;
    if (alarmed()) {
      return false;
    }
    double before = rest;
    rest = 1 / Math.sqrt(observed + 1.0);
    double share = before - rest;
    double total = 0;
    for (int j = 0; j < STAKES; j++) {
      sums[j] = (sums[j] + share) * (1 + stakes[j] * gain);
      total += sums[j];
    }
    // The limit is for a delta so small that 1 / delta overflows.
    evidence = Math.min(total / STAKES + rest, Double.MAX_VALUE);
    if (evidence >= 1 / delta) {
      alarmedAt = observed;
    }
    return alarmed();
  }

  /** Whether there was an alarm; it stays. */
  public boolean alarmed() {
    return alarmedAt > 0;
  }

  /** Number of losses taken. */
  public long observed() {
    return observed;
  }

  /** Number of losses taken when the alarm came, or 0 if there was none. */
  public long alarmedAt() {
    return alarmedAt;
  }

  /** ln E, finite: 0 at the start; what it was at the alarm from then on. */
  public double logEvidence() {
    return Math.log(evidence);
  }

  /** ln(1 / delta), the {@link #logEvidence()} of an alarm. */
  public double threshold() {
    return -Math.log(delta);
  }
}
