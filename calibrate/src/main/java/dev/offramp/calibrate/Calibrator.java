package dev.offramp.calibrate;

import dev.offramp.calibrate.bound.HoeffdingBentkus;
import java.util.Locale;
import java.util.stream.IntStream;

/** Chooses the most eager threshold whose risk is controlled. */
public final class Calibrator {
  private final LossTable table;
  private final Method method;
  private final double epsilon;
  private final double delta;

  private Calibrator(LossTable table, Method method, double epsilon, double delta) {
    this.table = table;
    this.method = method;
    this.epsilon = epsilon;
    this.delta = delta;
  }

  /**
   * Calibrates a threshold: the last row of the unbroken run, starting at "never exit", that the
   * method accepts.
   *
   * <ul>
   *   <li>{@link Method#NAIVE}: accepts where the mean loss is at most epsilon (arXiv 2405.20915,
   *       Eq. 9).
   *   <li>{@link Method#LTT_HB}: accepts where the {@link HoeffdingBentkus} p-value of the losses
   *       max(loss, 0) / bound at level epsilon / bound is at most delta (arXiv 2110.01052).
   * </ul>
   *
   * @param epsilon risk level, in the unit of the losses; at 0 or below the answer is "never exit"
   * @param delta probability with which the guarantee may fail, in (0, 1)
   * @throws CalibrationException if epsilon is not finite or delta is outside (0, 1)
   */
  public static Calibration calibrate(
      LossTable table, Method method, double epsilon, double delta) {
    if (!Double.isFinite(epsilon)) {
      throw new CalibrationException("epsilon " + epsilon + " is not a number");
    }
    checkDelta(delta);
    return new Calibrator(table, method, epsilon, delta).calibrate();
  }

  /**
   * The smallest epsilon that a method can certify with n samples, had they no loss at all. For
   * {@link Method#LTT_HB} it solves (1 - epsilon / bound)^n = delta, the Hoeffding-Bentkus p-value
   * at zero loss; {@link Method#NAIVE} has no such limit: 0.
   *
   * @throws CalibrationException if n is less than 1 or delta is outside (0, 1)
   */
  public static double epsilonMin(Method method, int n, double delta, double bound) {
    if (n < 1) {
      throw new CalibrationException("calibration needs at least 1 sample, not " + n);
    }
    checkDelta(delta);
    return switch (method) {
      case NAIVE -> 0;
      case LTT_HB -> -bound * Math.expm1(Math.log(delta) / n);
    };
  }

  private static void checkDelta(double delta) {
    if (!(delta > 0 && delta < 1)) {
      throw new CalibrationException("delta " + delta + " is outside (0, 1)");
    }
  }

  private Calibration calibrate() {
    double[] risk = rows().mapToDouble(table::risk).toArray();
    double[] pValues =
        switch (method) {
          case NAIVE -> new double[0];
          case LTT_HB -> rows().mapToDouble(this::hoeffdingBentkus).toArray();
        };
    int row = epsilon <= 0 ? 0 : select(risk, pValues);
    return new Calibration(
        method,
        table.bound(),
        epsilon,
        delta,
        table.samples(),
        table.lambdas(),
        row,
        row == 0 ? fallbackReason(risk, pValues) : null,
        guarantee(row),
        epsilonMin(method, table.samples(), delta, table.bound()),
        pValues,
        risk);
  }

  private int select(double[] risk, double[] pValues) {
    return switch (method) {
      case NAIVE -> FixedSequence.prefix(table.rows(), k -> risk[k] <= epsilon);
      case LTT_HB -> FixedSequence.select(pValues, delta);
    };
  }

  private IntStream rows() {
    return IntStream.range(0, table.rows());
  }

  private double hoeffdingBentkus(int k) {
    return HoeffdingBentkus.pValue(table.clippedSum(k), table.samples(), epsilon / table.bound());
  }

  private String fallbackReason(double[] risk, double[] pValues) {
    if (epsilon <= 0) {
      return "epsilon <= 0: no early exit can be certified free of risk";
    }
    if (table.rows() == 1) {
      return "the grid holds no threshold besides never exit";
    }
    double minimum = epsilonMin(method, table.samples(), delta, table.bound());
    if (epsilon < minimum) {
      return text(
          "epsilon below the achievable minimum: %d samples can certify %.4g at best; use more"
              + " samples or a larger epsilon or delta",
          table.samples(), minimum);
    }
    return switch (method) {
      case NAIVE ->
          text("no power: the mean loss at lambda %s is %.4g", table.lambdas()[1], risk[1]);
      case LTT_HB ->
          text(
              "no power: the p-value at lambda %s is %.4g, above delta",
              table.lambdas()[1], pValues[1]);
    };
  }

  private String guarantee(int row) {
    if (row == 0) {
      return "Never exit: every sample runs through the full model, so nothing is risked.";
    }
    return switch (method) {
      case NAIVE ->
          "No guarantee: only on the calibration samples is the mean loss within epsilon.";
      case LTT_HB ->
          text(
              "Except with probability at most %s over the draw of the %d calibration samples, the"
                  + " expected loss at lambda %s on new samples of the same kind is at most %s.",
              delta, table.samples(), table.lambdas()[row], epsilon);
    };
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
