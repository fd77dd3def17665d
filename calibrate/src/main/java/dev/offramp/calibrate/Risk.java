package dev.offramp.calibrate;

/**
 * What exiting early may cost, compared with the full model on the same sample. The two families,
 * performance gap and consistency, are those of "Fast yet Safe: Early-Exiting with Risk Control",
 * arXiv 2405.20915. A sample that takes the last exit has loss 0 in each.
 */
public enum Risk implements Named {
  /** 1{early is wrong} - 1{full is wrong}, in {-1, 0, 1}. Needs labels. */
  PREDICTION_GAP("prediction-gap", true) {
    @Override
    double loss(int early, int full, int label) {
      return (early != label ? 1 : 0) - (full != label ? 1 : 0);
    }
  },

  /** 1{early differs from full}, in {0, 1}. Needs no labels. */
  PREDICTION_CONSISTENCY("prediction-consistency", false) {
    @Override
    double loss(int early, int full, int label) {
      return early != full ? 1 : 0;
    }
  };

  private final String id;
  private final boolean needsLabels;

  Risk(String id, boolean needsLabels) {
    this.id = id;
    this.needsLabels = needsLabels;
  }

  /** The name used on the command line and in certificates. */
  @Override
  public String id() {
    return id;
  }

  public boolean needsLabels() {
    return needsLabels;
  }

  /** The largest loss a sample can have. */
  public double bound() {
    return 1;
  }

  /** Loss of one sample; {@code label} is ignored unless {@link #needsLabels()}. */
  abstract double loss(int early, int full, int label);

  /**
   * @throws CalibrationException if there is no risk of this name
   */
  public static Risk of(String id) {
    return Named.of("risk", id, values());
  }
}
