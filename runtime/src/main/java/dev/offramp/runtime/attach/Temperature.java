package dev.offramp.runtime.attach;

/**
 * Temperature scaling: the one number that logits are divided by to make confidences fit. Guo et
 * al., "On Calibration of Modern Neural Networks", arXiv 1706.04599, section 4.2.
 */
final class Temperature {
  private static final double MIN = 0.05;
  private static final double MAX = 20;
  private static final int BISECTIONS = 40;

  private Temperature() {}

  /**
   * The temperature of least cross-entropy towards the targets, within [0.05, 20]. The
   * cross-entropy is convex in the inverse temperature, so its slope has one sign change.
   *
   * @param logits shape [n][classes]
   * @param targets shape [n][classes], distributions
   */
  static double fit(float[][] logits, float[][] targets) {
    double low = Math.log(MIN);
    double high = Math.log(MAX);
    for (int k = 0; k < BISECTIONS; k++) {
      double middle = (low + high) / 2;
      // Sharper than it should be: the expected logit exceeds the target's.
      if (excessLogit(logits, targets, Math.exp(middle)) > 0) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return Math.exp((low + high) / 2);
  }

  /** Mean cross-entropy towards the targets at a temperature. */
  static double crossEntropy(float[][] logits, float[][] targets, double temperature) {
    double loss = 0;
    for (int i = 0; i < logits.length; i++) {
      double logSum = logSumExp(logits[i], temperature);
      for (int c = 0; c < logits[i].length; c++) {
        loss += targets[i][c] * (logSum - logits[i][c] / temperature);
      }
    }
    return loss / logits.length;
  }

  /** Slope of the cross-entropy in the inverse temperature, times n. */
  private static double excessLogit(float[][] logits, float[][] targets, double temperature) {
    double excess = 0;
    for (int i = 0; i < logits.length; i++) {
      double logSum = logSumExp(logits[i], temperature);
      for (int c = 0; c < logits[i].length; c++) {
        double probability = Math.exp(logits[i][c] / temperature - logSum);
        excess += (probability - targets[i][c]) * logits[i][c];
      }
    }
    return excess;
  }

  private static double logSumExp(float[] logits, double temperature) {
    double max = logits[Targets.argMax(logits)] / temperature;
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit / temperature - max);
    }
    return max + Math.log(sum);
  }
}
