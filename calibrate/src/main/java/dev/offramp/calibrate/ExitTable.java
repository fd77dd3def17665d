package dev.offramp.calibrate;

import static java.util.Objects.checkIndex;

/**
 * What every exit said about every sample, so that any threshold can be tried without running the
 * model again.
 *
 * @param confidence shape [exits][n], each in [0, 1] or NaN; the last exit's is never compared
 * @param prediction shape [exits][n], class numbers from 0
 * @throws CalibrationException if the shapes disagree, there is no exit or no sample, a confidence
 *     lies outside [0, 1] or a prediction is negative
 */
public record ExitTable(float[][] confidence, int[][] prediction) {
  /** A float softmax may sum to a little more than one. */
  private static final float ROUNDING = 1e-3f;

  public ExitTable {
    if (confidence.length == 0 || confidence[0].length == 0) {
      throw new CalibrationException("the exit table is empty: give at least one exit and sample");
    }
    if (prediction.length != confidence.length) {
      throw new CalibrationException(
          "confidences have "
              + confidence.length
              + " exits but predictions have "
              + prediction.length);
    }
    for (int exit = 0; exit < confidence.length; exit++) {
      check(exit, confidence[exit], prediction[exit], confidence[0].length);
    }
  }

  private static void check(int exit, float[] confidence, int[] prediction, int samples) {
    if (confidence.length != samples || prediction.length != samples) {
      throw new CalibrationException(
          "exit %d has %d confidences and %d predictions for %d samples"
              .formatted(exit, confidence.length, prediction.length, samples));
    }
    for (int sample = 0; sample < samples; sample++) {
      float value = confidence[sample];
      if (value < -ROUNDING || value > 1 + ROUNDING) {
        throw new CalibrationException(
            "confidence %s of sample %d at exit %d is outside [0, 1]"
                .formatted(value, sample, exit));
      }
      if (prediction[sample] < 0) {
        throw new CalibrationException(
            "prediction %d of sample %d at exit %d is negative"
                .formatted(prediction[sample], sample, exit));
      }
    }
  }

  public int exits() {
    return confidence.length;
  }

  public int samples() {
    return confidence[0].length;
  }

  /**
   * The exit a sample takes: the first whose confidence is greater than lambda, strictly, else the
   * last. NaN never exits, and lambda = 1 never exits early even where a float softmax rounds to 1
   * or above.
   *
   * @param lambda threshold in [0, 1]
   * @return exit number from 0
   * @throws CalibrationException if lambda is not in [0, 1]
   */
  public int exitOf(int sample, double lambda) {
    checkIndex(sample, samples());
    checkLambda(lambda);
    int last = exits() - 1;
    if (lambda == 1) {
      return last;
    }
    int exit = 0;
    // Written so that a NaN confidence goes on to the next exit.
    while (exit < last && !(confidence[exit][sample] > lambda)) {
      exit++;
    }
    return exit;
  }

  /**
   * The exit a sample takes where each early exit has a threshold of its own; at 1 nothing exits.
   *
   * @param thresholds shape [exits - 1]
   * @throws CalibrationException if the shape is another
   */
  public int exitOf(int sample, double[] thresholds) {
    int last = exits() - 1;
    if (thresholds.length != last) {
      throw new CalibrationException(
          "%d thresholds for %d early exits; give one for each".formatted(thresholds.length, last));
    }
    int exit = 0;
    while (exit < last && !(thresholds[exit] < 1 && confidence[exit][sample] > thresholds[exit])) {
      exit++;
    }
    return exit;
  }

  /** How many samples take each exit at a threshold; shape [exits]. */
  public int[] histogram(double lambda) {
    int[] count = new int[exits()];
    for (int sample = 0; sample < samples(); sample++) {
      count[exitOf(sample, lambda)]++;
    }
    return count;
  }

  /**
   * Mean over the samples of the depth of the exit taken.
   *
   * @param depthOfExit shape [exits]: each exit's layer number, or its cumulative cost in any unit
   */
  public double meanDepth(double lambda, double[] depthOfExit) {
    if (depthOfExit.length != exits()) {
      throw new CalibrationException(
          depthOfExit.length + " depths were given for " + exits() + " exits");
    }
    int[] count = histogram(lambda);
    double sum = 0;
    for (int exit = 0; exit < count.length; exit++) {
      sum += count[exit] * depthOfExit[exit];
    }
    return sum / samples();
  }

  private static void checkLambda(double lambda) {
    if (!(lambda >= 0 && lambda <= 1)) {
      throw new CalibrationException("lambda " + lambda + " is outside [0, 1]");
    }
  }
}
