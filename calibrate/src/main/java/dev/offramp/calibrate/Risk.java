package dev.offramp.calibrate;

import dev.offramp.calibrate.loss.Distributions;

/**
 * What exiting early may cost, compared with the full model on the same sample. The two families,
 * performance gap and consistency, are those of "Fast yet Safe: Early-Exiting with Risk Control",
 * arXiv 2405.20915. A sample that takes the last exit has loss 0 in each.
 */
public enum Risk implements Named {
  /** 1{early is wrong} - 1{full is wrong}, in {-1, 0, 1}. Needs labels. */
  PREDICTION_GAP("prediction-gap", true) {
    @Override
    public double loss(int early, int full, int label) {
      return (early != label ? 1 : 0) - (full != label ? 1 : 0);
    }
  },

  /** 1{early differs from full}, in {0, 1}. Needs no labels. */
  PREDICTION_CONSISTENCY("prediction-consistency", false) {
    @Override
    public double loss(int early, int full, int label) {
      return early != full ? 1 : 0;
    }
  },

  /** Brier score of early minus that of full, in [-2, 2]. Needs labels. */
  BRIER_GAP("brier-gap", true, 2) {
    @Override
    public double loss(float[] early, float[] full, int label) {
      return Distributions.brierGap(early, full, label);
    }
  },

  /** The Brier gap expected under the full model's distribution, in [0, 2]. Needs no labels. */
  BRIER_CONSISTENCY("brier-consistency", false, 2) {
    @Override
    public double loss(float[] early, float[] full, int label) {
      return Distributions.brierConsistency(early, full);
    }
  },

  /** Hellinger distance of early and full, in [0, 1]. Needs no labels. */
  HELLINGER_CONSISTENCY("hellinger-consistency", false, 1) {
    @Override
    public double loss(float[] early, float[] full, int label) {
      return Distributions.hellinger(early, full);
    }
  },

  /** The Brier gap against the full model's prediction, in [-2, 2]. Needs no labels. */
  TOP_BRIER_CONSISTENCY("top-brier-consistency", false, 2) {
    @Override
    public double loss(float[] early, float[] full, int label) {
      return Distributions.topBrierConsistency(early, full);
    }
  };

  private final String id;
  private final boolean needsLabels;
  private final boolean needsProbabilities;
  private final double bound;

  /** A risk that compares predictions. */
  Risk(String id, boolean needsLabels) {
    this(id, needsLabels, false, 1);
  }

  /** A risk that compares class probabilities. */
  Risk(String id, boolean needsLabels, double bound) {
    this(id, needsLabels, true, bound);
  }

  Risk(String id, boolean needsLabels, boolean needsProbabilities, double bound) {
    this.id = id;
    this.needsLabels = needsLabels;
    this.needsProbabilities = needsProbabilities;
    this.bound = bound;
  }

  /** The name used on the command line and in certificates. */
  @Override
  public String id() {
    return id;
  }

  public boolean needsLabels() {
    return needsLabels;
  }

  /** Whether it compares class probabilities rather than predictions. */
  public boolean needsProbabilities() {
    return needsProbabilities;
  }

  /** The largest loss a sample can have. */
  public double bound() {
    return bound;
  }

  /** The smallest loss a sample can have: below 0 where early may be better than full. */
  public double least() {
    return needsLabels || this == TOP_BRIER_CONSISTENCY ? -bound : 0;
  }

  /**
   * Loss of one sample from the classes predicted, unless it {@link #needsProbabilities()}.
   *
   * @param label ignored unless {@link #needsLabels()}
   */
  public double loss(int early, int full, int label) {
    throw new CalibrationException(id + " compares class probabilities; give them");
  }

  /**
   * Loss of one sample from its class probabilities, if it {@link #needsProbabilities()}.
   *
   * @param early shape [classes], summing to 1 up to rounding
   * @param full shape [classes], the full model's
   * @param label ignored unless {@link #needsLabels()}
   */
  public double loss(float[] early, float[] full, int label) {
    throw new CalibrationException(id + " compares predictions, not class probabilities");
  }

  /**
   * @throws CalibrationException if there is no risk of this name
   */
  public static Risk of(String id) {
    return Named.of("risk", id, values());
  }
}
