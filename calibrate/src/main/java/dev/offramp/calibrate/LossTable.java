package dev.offramp.calibrate;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The loss of every calibration sample at every threshold, compared with the full model.
 *
 * @param lambdas shape [K], descending (equal neighbours allowed); row 0 stands for never exiting
 * @param losses shape [K][n]; values may be negative where the early answer is better; row 0 is
 *     zero, for losses are compared with the full model's
 * @param bound largest loss possible, positive
 * @throws CalibrationException if the shapes disagree or are empty, the grid is not descending, row
 *     0 has a loss, or a loss is NaN or above the bound (a loss is never clipped silently)
 */
public record LossTable(double[] lambdas, double[][] losses, double bound) {
  public LossTable {
    if (!(bound > 0 && bound < Double.POSITIVE_INFINITY)) {
      throw new CalibrationException("loss bound " + bound + " is not a positive number");
    }
    if (lambdas.length == 0 || lambdas.length != losses.length) {
      throw new CalibrationException(
          "%d thresholds for %d rows of losses; give one row for each threshold, at least one"
              .formatted(lambdas.length, losses.length));
    }
    if (losses[0].length == 0) {
      throw new CalibrationException("there are no calibration samples");
    }
    for (int k = 0; k < lambdas.length; k++) {
      if (!Double.isFinite(lambdas[k]) || k > 0 && lambdas[k] > lambdas[k - 1]) {
        throw new CalibrationException(
            "lambda %s in row %d breaks the descending order".formatted(lambdas[k], k));
      }
      check(k, losses[k], losses[0].length, bound);
      if (k > 0 && lambdas[k] == lambdas[k - 1] && !Arrays.equals(losses[k], losses[k - 1])) {
        throw new CalibrationException(
            "rows %d and %d have the same lambda %s but different losses; a threshold has one risk"
                .formatted(k - 1, k, lambdas[k]));
      }
    }
    checkFull("row 0, never exit,", losses[0]);
  }

  private static void checkFull(String what, double[] losses) {
    for (int i = 0; i < losses.length; i++) {
      if (losses[i] != 0) {
        throw new CalibrationException(
            "%s must have no loss, but sample %d has %s; subtract the full model's loss"
                .formatted(what, i, losses[i]));
      }
    }
  }

  private static void check(int k, double[] row, int samples, double bound) {
    if (row.length != samples) {
      throw new CalibrationException(
          "row %d has %d losses for %d samples".formatted(k, row.length, samples));
    }
    for (int i = 0; i < samples; i++) {
      if (!(row[i] <= bound) || row[i] == Double.NEGATIVE_INFINITY) {
        throw new CalibrationException(
            "loss %s of sample %d in row %d is not a number up to the bound %s"
                .formatted(row[i], i, k, bound));
      }
    }
  }

  /**
   * Losses of the exits that each threshold makes the samples take.
   *
   * @param labels shape [n], or null where the risk needs none
   * @param lambdas shape [K], descending from 1 (never exit) within [0, 1]
   * @throws CalibrationException if labels are needed but missing, do not fit the samples or are
   *     negative, or the grid does not start at 1
   */
  public static LossTable of(Risk risk, ExitTable table, int[] labels, double[] lambdas) {
    return of(table, lossOfExit(risk, table, labels), lambdas, risk.bound());
  }

  /**
   * Losses of the exits that each threshold makes the samples take.
   *
   * @param lossOfExit shape [exits][n], loss of each sample had it taken each exit; none above the
   *     bound, the last exit's 0
   * @param lambdas shape [K], descending from 1 (never exit) within [0, 1]
   * @param bound largest loss possible, positive
   * @throws CalibrationException if the shapes disagree, a loss is NaN or above the bound, or the
   *     grid does not start at 1
   */
  public static LossTable of(
      ExitTable table, double[][] lossOfExit, double[] lambdas, double bound) {
    checkLossOfExit(table, lossOfExit, bound);
    if (lambdas.length == 0 || lambdas[0] != 1) {
      throw new CalibrationException("the grid must start with lambda 1, which never exits early");
    }
    int samples = table.samples();
    double[][] losses = new double[lambdas.length][samples];
    IntStream.range(0, lambdas.length)
        .parallel()
        .forEach(k -> {
          for (int i = 0; i < samples; i++) {
            losses[k][i] = lossOfExit[table.exitOf(i, lambdas[k])][i];
          }
        });
    return new LossTable(lambdas, losses, bound);
  }

  /**
   * The loss each sample would have at each exit; shape [exits][n].
   *
   * @param labels shape [n], or null where the risk needs none
   * @throws CalibrationException if labels are needed but missing, do not fit the samples or are
   *     negative
   */
  public static double[][] lossOfExit(Risk risk, ExitTable table, int[] labels) {
    int samples = table.samples();
    if (risk.needsLabels()) {
      checkLabels(risk, labels, samples);
    }
    double[][] lossOfExit = new double[table.exits()][samples];
    int[] full = table.prediction()[table.exits() - 1];
    for (int exit = 0; exit < lossOfExit.length; exit++) {
      for (int i = 0; i < samples; i++) {
        int label = risk.needsLabels() ? labels[i] : -1;
        lossOfExit[exit][i] = risk.loss(table.prediction()[exit][i], full[i], label);
      }
    }
    return lossOfExit;
  }

  static void checkLossOfExit(ExitTable table, double[][] lossOfExit, double bound) {
    if (lossOfExit.length != table.exits()) {
      throw new CalibrationException(
          "losses of %d exits for %d exits; give one row for each"
              .formatted(lossOfExit.length, table.exits()));
    }
    for (int exit = 0; exit < lossOfExit.length; exit++) {
      check(exit, lossOfExit[exit], table.samples(), bound);
    }
    checkFull("the last exit", lossOfExit[lossOfExit.length - 1]);
  }

  private static void checkLabels(Risk risk, int[] labels, int samples) {
    if (labels == null) {
      throw new CalibrationException(
          risk.id() + " needs labels; without them use " + Risk.PREDICTION_CONSISTENCY.id());
    }
    if (labels.length != samples) {
      throw new CalibrationException(labels.length + " labels for " + samples + " samples");
    }
    for (int i = 0; i < samples; i++) {
      if (labels[i] < 0) {
        throw new CalibrationException("label " + labels[i] + " of sample " + i + " is negative");
      }
    }
  }

  /** K, the number of thresholds. */
  public int rows() {
    return lambdas.length;
  }

  /** n, the number of samples. */
  public int samples() {
    return losses[0].length;
  }

  /** Empirical risk of row k: the mean loss, negative losses included. */
  public double risk(int k) {
    double sum = 0;
    for (double loss : losses[k]) {
      sum += loss;
    }
    return sum / samples();
  }

  /** Empirical risk of each row; shape [K]. */
  public double[] risks() {
    return IntStream.range(0, rows()).parallel().mapToDouble(this::risk).toArray();
  }
}
