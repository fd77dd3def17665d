package dev.offramp.calibrate;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The outcome of calibrating on one {@link LossTable}, or on vectors of thresholds.
 *
 * @param fwer how many tests shared delta; null where the method does not test
 * @param lossBound largest loss possible
 * @param epsilon risk level asked for
 * @param delta probability with which the guarantee may fail, in (0, 1)
 * @param calibrationSize n, number of calibration samples
 * @param grid thresholds tried, shape [K], descending, row 0 = never exit; empty for vectors
 * @param vectors vectors of thresholds tested, shape [K][early exits], in testing order, row 0 =
 *     never exit; empty for a grid of single thresholds
 * @param rowIndex row chosen; 0 means never exit
 * @param acceptedRows rows for which the guarantee holds, ascending, without row 0
 * @param reason why no sample may exit early, null unless {@link #fallback()}
 * @param guarantee what is promised for new samples, in one sentence
 * @param epsilonMin smallest epsilon that n samples can certify, had they no loss at all; from 0 up
 *     to lossBound
 * @param pValues shape [K], or empty where the method tests no hypothesis; of several risks the
 *     largest; row 0 is not tested, its p-value is the smallest that the samples can reach
 * @param upperBounds upper confidence bounds of rows 0, 1, ..., at least up to the first that is
 *     not below epsilon, at most K (rows after the first failure decide nothing); empty where the
 *     method has none; of several risks the first's
 * @param empiricalRisk shape [K], mean calibration loss of each row, negative losses included
 * @param furtherRisks what else is kept within its level by the same rows
 * @throws CalibrationException if the parts contradict each other, which only a damaged certificate
 *     can cause
 */
public record Calibration(
    Method method,
    Fwer fwer,
    double lossBound,
    double epsilon,
    double delta,
    int calibrationSize,
    double[] grid,
    double[][] vectors,
    int rowIndex,
    int[] acceptedRows,
    String reason,
    String guarantee,
    double epsilonMin,
    double[] pValues,
    double[] upperBounds,
    double[] empiricalRisk,
    List<FurtherRisk> furtherRisks) {

  /**
   * Shares of delta that are handed on, and limits of mean losses, may come out this much larger.
   */
  private static final double ROUNDING = 1 + 1e-9;

  /** Between the words of a guarantee; a full stop may end one. */
  private static final Pattern NO_NUMBER = Pattern.compile("\\.?[ ,;()\\[\\]]+|\\.$");

  public Calibration {
    int rows = grid.length + vectors.length;
    require(
        (fwer != null) == method.tests(), "fwer must be given for methods that test, else null");
    require(lossBound > 0, "lossBound must be positive");
    require(delta > 0 && delta < 1, "delta must be in (0, 1)");
    require(calibrationSize > 0, "calibrationSize must be positive");
    require(grid.length == 0 || vectors.length == 0, "grid or vectors must be empty");
    require(rowIndex >= 0 && rowIndex < rows, "rowIndex must be a row of the grid");
    for (int k = 1; k < grid.length; k++) {
      require(grid[k] <= grid[k - 1], "grid must descend");
    }
    for (double[] vector : vectors) {
      require(vector.length == vectors[0].length, "vectors must have equal lengths");
    }
    for (int j = 0; j < acceptedRows.length; j++) {
      require(
          acceptedRows[j] > (j == 0 ? 0 : acceptedRows[j - 1]) && acceptedRows[j] < rows,
          "acceptedRows must be ascending rows of the grid, from 1");
    }
    require(
        rowIndex == 0 || Arrays.binarySearch(acceptedRows, rowIndex) >= 0,
        "rowIndex must be 0 or one of acceptedRows");
    require(empiricalRisk.length == rows, "empiricalRisk must have a value for each row");
    require(
        pValues.length == (method.tests() ? rows : 0),
        "pValues must have a value for each row where the method tests, else none");
    require(
        Arrays.stream(pValues).allMatch(p -> p >= 0 && p <= 1), "pValues must be within [0, 1]");
    require(upperBounds.length <= rows, "upperBounds must have at most a value for each row");
    for (FurtherRisk further : furtherRisks) {
      require(
          further.lossBound() > 0 && further.empiricalRisk().length == rows,
          "furtherRisks must have a positive lossBound and an empiricalRisk for each row");
    }
    require((reason != null) == (rowIndex == 0), "reason must be given for row 0 and no other");
    require(
        epsilonMin >= 0 && epsilonMin <= lossBound, "epsilonMin must be from 0 up to lossBound");
    require(
        empiricalRisk[0] == 0
            && furtherRisks.stream().allMatch(further -> further.empiricalRisk()[0] == 0),
        "empiricalRisk of row 0, never exit, must be 0");
    if (acceptedRows.length > 0) {
      require(
          epsilon > 0 && furtherRisks.stream().allMatch(further -> further.epsilon() > 0),
          "epsilon must be above 0 where rows are accepted");
    }
    for (int row : acceptedRows) {
      accepted(row, method, epsilon, lossBound, delta, pValues, upperBounds, empiricalRisk);
    }
    if (rowIndex > 0 && method.promise() == Promise.HIGH_PROBABILITY) {
      List<String> words = List.of(NO_NUMBER.split(guarantee));
      require(
          words.contains(Double.toString(epsilon))
              && words.contains(Double.toString(delta))
              && words.contains(Integer.toString(calibrationSize)),
          "guarantee must name epsilon, delta and calibrationSize");
    }
  }

  /** What every procedure asks of a row, some of them more. */
  private static void accepted(
      int row,
      Method method,
      double epsilon,
      double lossBound,
      double delta,
      double[] pValues,
      double[] upperBounds,
      double[] empiricalRisk) {
    switch (method.family()) {
      case LTT ->
          require(
              pValues[row] <= delta * ROUNDING, "pValues must be at most delta at acceptedRows");
      case UCB ->
          require(
              row < upperBounds.length && (upperBounds[row] < epsilon || epsilon >= lossBound),
              "upperBounds must be below epsilon at acceptedRows");
      case NAIVE, CRC ->
          require(
              empiricalRisk[row] <= epsilon * ROUNDING,
              "empiricalRisk must be at most epsilon at acceptedRows");
    }
  }

  private static void require(boolean condition, String problem) {
    if (!condition) {
      throw new CalibrationException(problem);
    }
  }

  /** Whether no sample may exit early. */
  public boolean fallback() {
    return rowIndex == 0;
  }

  /** Whether each early exit has a threshold of its own. */
  public boolean isVector() {
    return vectors.length > 0;
  }

  /**
   * The threshold chosen: a sample exits where its confidence is strictly greater.
   *
   * @throws CalibrationException if {@link #isVector()}
   */
  public double lambda() {
    if (isVector()) {
      throw new CalibrationException("a vector of thresholds has no single lambda");
    }
    return grid[rowIndex];
  }

  /**
   * The thresholds chosen, one for each early exit.
   *
   * @param earlyExits number of exits before the last
   * @throws CalibrationException if the vector chosen is for another number of exits
   */
  public double[] thresholds(int earlyExits) {
    if (!isVector()) {
      double[] thresholds = new double[earlyExits];
      Arrays.fill(thresholds, lambda());
      return thresholds;
    }
    double[] vector = vectors[rowIndex];
    if (vector.length != earlyExits) {
      throw new CalibrationException(
          "thresholds for %d early exits do not fit a model with %d"
              .formatted(vector.length, earlyExits));
    }
    return vector.clone();
  }
}
