package dev.offramp.calibrate;

/**
 * Conformal Risk Control: Angelopoulos et al., arXiv 2208.02814; arXiv 2405.20915, Eq. 10. Its
 * theorem bounds the expected loss, averaged over calibration sets, for samples whose loss does not
 * fall from one row to the next, more eager one.
 */
final class ConformalRiskControl {
  private ConformalRiskControl() {}

  /**
   * The largest empirical risk accepted, (n + 1) / n epsilon - bound / n. Where it is negative, no
   * row may be, not even one of negative risk.
   */
  static double threshold(int n, double bound, double epsilon) {
    return (n + 1.0) / n * epsilon - bound / n;
  }

  /** The smallest epsilon that accepts that empirical risk: (n risk + bound) / (n + 1). */
  static double epsilonMin(int n, double bound, double risk) {
    double epsilon = (n * risk + bound) / (n + 1.0);
    while (threshold(n, bound, epsilon) < risk) {
      epsilon = Math.nextUp(epsilon); // The threshold was rounded down.
    }
    return epsilon;
  }

  /**
   * Mean over the samples of the largest loss up to each row; shape [K]. For these losses the
   * theorem's condition holds by construction, and they are never below the losses themselves.
   */
  static double[] runningMaximumRisk(LossTable table) {
    double[] largest = table.losses()[0].clone();
    double[] risk = new double[table.rows()];
    for (int k = 0; k < risk.length; k++) {
      double[] losses = table.losses()[k];
      double sum = 0;
      for (int i = 0; i < largest.length; i++) {
        largest[i] = Math.max(largest[i], losses[i]);
        sum += largest[i];
      }
      risk[k] = sum / largest.length;
    }
    return risk;
  }

  /** How many samples break the theorem's condition: their loss falls at some row. */
  static int samplesNotMonotone(LossTable table) {
    boolean[] falls = new boolean[table.samples()];
    for (int k = 1; k < table.rows(); k++) {
      double[] before = table.losses()[k - 1];
      double[] losses = table.losses()[k];
      for (int i = 0; i < falls.length; i++) {
        falls[i] |= losses[i] < before[i];
      }
    }
    int count = 0;
    for (boolean fall : falls) {
      count += fall ? 1 : 0;
    }
    return count;
  }
}
