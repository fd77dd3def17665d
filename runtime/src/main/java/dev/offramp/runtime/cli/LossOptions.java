package dev.offramp.runtime.cli;

import dev.offramp.calibrate.CalibrationException;
import dev.offramp.calibrate.LossTable;
import dev.offramp.models.InputException;
import dev.offramp.runtime.io.Npy;
import dev.offramp.runtime.io.NumberTable;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Options that name the losses of a model which runs elsewhere. */
final class LossOptions {
  @Option(
      names = "--losses",
      required = true,
      paramLabel = "L.npy",
      description =
          "losses of a model that runs elsewhere: float64, a row for each threshold, a column for"
              + " each sample; row 0 = never exit")
  Path losses;

  @Option(
      names = "--lambdas",
      required = true,
      paramLabel = "GRID.csv",
      description = "thresholds of the rows, descending: column lambda, or one number a line")
  Path lambdas;

  @Option(
      names = "--bound",
      paramLabel = "B",
      defaultValue = "1",
      description = "largest loss possible (default: ${DEFAULT-VALUE})")
  private double bound;

  @Option(
      names = "--scores",
      description = "the matrix holds scores, higher is better: loss = row 0 - row k")
  boolean scores;

  private void refuseAboveBound(double[][] values) {
    for (int k = 0; k < values.length; k++) {
      for (int i = 0; i < values[k].length; i++) {
        if (values[k][i] > bound()) {
          throw InputException.in(
              losses,
              "row " + k,
              "loss %s of sample %d is above the bound %s; name the largest loss possible with --bound"
                  .formatted(values[k][i], i, bound()));
        }
      }
    }
  }

  /** Largest loss possible. */
  double bound() {
    return checkBound(bound);
  }

  /**
   * @throws InputException if no loss can be bounded by it
   */
  static double checkBound(double bound) {
    if (!(bound > 0 && bound < Double.POSITIVE_INFINITY)) {
      throw InputException.in(
          null, "--bound " + bound, "must be a number above 0, the largest loss possible");
    }
    return bound;
  }

  /**
   * Reads the files.
   *
   * @throws InputException if they do not fit together or a value is impossible; names the file
   */
  LossTable read() {
    double[][] values = Npy.readMatrix(losses);
    double[] grid = NumberTable.read(lambdas).column("lambda");
    if (values.length != grid.length) {
      throw InputException.in(
          losses,
          "shape",
          "%d rows for the %d thresholds of %s; give one row for each threshold"
              .formatted(values.length, grid.length, lambdas));
    }
    for (int k = 1; k < grid.length; k++) {
      if (grid[k] > grid[k - 1]) {
        throw InputException.in(
            lambdas,
            "lambda",
            ("%s in row %d comes after %s, where the order must be descending; turn the grid round, and"
                    + " the rows of the losses with it")
                .formatted(grid[k], k, grid[k - 1]));
      }
    }
    if (scores) {
      double[] full = values[0].clone();
      for (double[] row : values) {
        for (int i = 0; i < full.length; i++) {
          row[i] = full[i] - row[i];
        }
      }
    }
    refuseAboveBound(values);
    try {
      return new LossTable(grid, values, bound());
    } catch (CalibrationException e) {
      throw InputException.in(losses, null, e.getMessage());
    }
  }
}
