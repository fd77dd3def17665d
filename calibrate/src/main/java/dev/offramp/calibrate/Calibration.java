package dev.offramp.calibrate;

import java.util.Arrays;

/**
 * The outcome of calibrating on one {@link LossTable}.
 *
 * @param lossBound largest loss possible
 * @param epsilon risk level asked for
 * @param delta probability with which the guarantee may fail, in (0, 1)
 * @param calibrationSize n, number of calibration samples
 * @param grid thresholds tried, shape [K], descending, row 0 = never exit
 * @param rowIndex row of the grid chosen; 0 means that no threshold was certified: never exit
 * @param reason why no threshold was certified, null unless {@link #fallback()}
 * @param guarantee what is promised for new samples, in one sentence
 * @param epsilonMin smallest epsilon that n samples can certify, had they no loss at all
 * @param pValues shape [K], or empty where the method tests no hypothesis; row 0 is not tested, its
 *     p-value is the smallest that n samples can reach
 * @param empiricalRisk shape [K], mean calibration loss of each row, negative losses included
 * @throws CalibrationException if the parts contradict each other, which only a damaged certificate
 *     can cause
 */
public record Calibration(
    Method method,
    double lossBound,
    double epsilon,
    double delta,
    int calibrationSize,
    double[] grid,
    int rowIndex,
    String reason,
    String guarantee,
    double epsilonMin,
    double[] pValues,
    double[] empiricalRisk) {

  public Calibration {
    require(lossBound > 0, "lossBound must be positive");
    require(delta > 0 && delta < 1, "delta must be in (0, 1)");
    require(calibrationSize > 0, "calibrationSize must be positive");
    require(rowIndex >= 0 && rowIndex < grid.length, "rowIndex must be a row of the grid");
    for (int k = 1; k < grid.length; k++) {
      require(grid[k] <= grid[k - 1], "grid must descend");
    }
    require(empiricalRisk.length == grid.length, "empiricalRisk must have a value for each row");
    require(
        pValues.length == grid.length || pValues.length == 0,
        "pValues must be empty or have a value for each row");
    require(
        Arrays.stream(pValues).allMatch(p -> p >= 0 && p <= 1), "pValues must be within [0, 1]");
    require((reason != null) == (rowIndex == 0), "reason must be given for row 0 and no other");
  }

  private static void require(boolean condition, String problem) {
    if (!condition) {
      throw new CalibrationException(problem);
    }
  }

  /** Whether no threshold was certified, so that no sample may exit early. */
  public boolean fallback() {
    return rowIndex == 0;
  }

  /** The threshold chosen: a sample exits where its confidence is strictly greater. */
  public double lambda() {
    return grid[rowIndex];
  }
}
