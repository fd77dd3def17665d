package dev.offramp.runtime.attach;

/**
 * What a head is trained towards: a distribution over the classes for every sample.
 *
 * @param distribution shape [n][classes], each row non-negative with sum 1
 * @throws IllegalArgumentException if there is no sample, fewer than two classes, or a row is not a
 *     distribution
 */
public record Targets(float[][] distribution) {
  private static final double SUM_TOLERANCE = 1e-3;

  public Targets {
    if (distribution.length == 0 || distribution[0].length < 2) {
      throw new IllegalArgumentException("training needs samples of at least 2 classes");
    }
    for (int i = 0; i < distribution.length; i++) {
      check(i, distribution[i], distribution[0].length);
    }
  }

  private static void check(int sample, float[] row, int classes) {
    if (row.length != classes) {
      throw new IllegalArgumentException(
          "the target of sample %d has %d classes, not %d".formatted(sample, row.length, classes));
    }
    double sum = 0;
    for (float p : row) {
      if (!(p >= 0)) {
        throw new IllegalArgumentException("the target of sample " + sample + " holds " + p);
      }
      sum += p;
    }
    if (Math.abs(sum - 1) > SUM_TOLERANCE) {
      throw new IllegalArgumentException(
          "the target of sample " + sample + " sums to " + sum + ", not 1");
    }
  }

  /**
   * All weight on the label. A class without a sample is one that heads learn not to answer.
   *
   * @param labels shape [n], class numbers in [0, classes)
   * @throws IllegalArgumentException if a label is out of range
   */
  public static Targets ofLabels(int[] labels, int classes) {
    float[][] distribution = new float[labels.length][classes];
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] < 0 || labels[i] >= classes) {
        throw new IllegalArgumentException(
            "label %d of sample %d is not one of %d classes".formatted(labels[i], i, classes));
      }
      distribution[i][labels[i]] = 1;
    }
    return new Targets(distribution);
  }

  /**
   * A weighted mean of two targets for the same samples, such as labels and the full model's own
   * answers (distillation, arXiv 1503.02531).
   *
   * @param weight share of {@code this}, in [0, 1]
   */
  public Targets mix(Targets other, double weight) {
    if (!(weight >= 0 && weight <= 1)) {
      throw new IllegalArgumentException("weight " + weight + " is outside [0, 1]");
    }
    if (other.samples() != samples() || other.classes() != classes()) {
      throw new IllegalArgumentException(
          "targets of shape [%d][%d] and [%d][%d] do not mix"
              .formatted(samples(), classes(), other.samples(), other.classes()));
    }
    float[][] mixed = new float[samples()][classes()];
    for (int i = 0; i < samples(); i++) {
      for (int c = 0; c < classes(); c++) {
        mixed[i][c] =
            (float) (weight * distribution[i][c] + (1 - weight) * other.distribution[i][c]);
      }
    }
    return new Targets(mixed);
  }

  public int samples() {
    return distribution.length;
  }

  public int classes() {
    return distribution[0].length;
  }

  /** The likeliest class of a sample; the first of equals. */
  int top(int sample) {
    return argMax(distribution[sample]);
  }

  static int argMax(float[] values) {
    int best = 0;
    for (int c = 1; c < values.length; c++) {
      if (values[c] > values[best]) {
        best = c;
      }
    }
    return best;
  }
}
