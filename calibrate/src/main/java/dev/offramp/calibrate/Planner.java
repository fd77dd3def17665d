package dev.offramp.calibrate;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What calibration can achieve, before any data is collected.
 *
 * @param fwer how many tests share delta; {@link Fwer#FIXED_SEQUENCE} where the method does not
 *     test
 * @param delta probability with which a guarantee may fail, in (0, 1)
 * @param rows K, rows of the grid, never exit included
 * @param bound largest loss possible, positive
 * @param risk mean loss expected at the row to be accepted, in [0, bound]; 0 is the most hopeful.
 *     Each loss is taken to be either 0 or the bound, evenly spread: of all losses of that mean
 *     those of the largest variance
 * @throws CalibrationException if a component is outside its range
 */
public record Planner(Method method, Fwer fwer, double delta, int rows, double bound, double risk) {
  /** The largest calibration set that is looked into. */
  public static final int MOST_SAMPLES = 1 << 22;

  public Planner {
    Settings.check(method, fwer, delta);
    if (rows < 1) {
      throw new CalibrationException("a grid has at least 1 row, not " + rows);
    }
    if (!(bound > 0 && bound < Double.POSITIVE_INFINITY)) {
      throw new CalibrationException(
          "loss bound " + bound + " is not a positive number; give the largest loss possible");
    }
    if (!(risk >= 0 && risk <= bound)) {
      throw new CalibrationException(
          "the expected risk %s is outside [0, %s], the range of its losses"
              .formatted(risk, bound));
    }
  }

  /** For a fixed sequence and no loss at all. */
  public Planner(Method method, double delta, double bound) {
    this(method, Fwer.FIXED_SEQUENCE, delta, 2, bound, 0);
  }

  /** For no loss at all. */
  static Planner of(Settings settings, LossTable table) {
    return new Planner(
        settings.method(), settings.fwer(), settings.delta(), table.rows(), table.bound(), 0);
  }

  /**
   * The smallest epsilon that n samples can certify; for {@link Method.Family#UCB} an infimum, as
   * upper confidence bounds must stay below epsilon. It is the risk for {@link Method#NAIVE}, (n
   * risk + bound) / (n + 1) for the CRCs, the upper confidence bound at the level of the first test
   * for the others.
   *
   * @throws CalibrationException if n is less than 1
   */
  public double epsilonMin(int n) {
    if (n < 1) {
      throw new CalibrationException("calibration needs at least 1 sample, not " + n);
    }
    return switch (method.family()) {
      case NAIVE -> risk;
      case CRC -> ConformalRiskControl.epsilonMin(n, bound, risk);
      case UCB, LTT -> method.tail().upperBound(losses(fwer.testSize(n)), bound, level());
    };
  }

  /**
   * The smallest number of samples that can certify epsilon; empty where {@link #MOST_SAMPLES} are
   * not enough. With a risk above 0 it is a number that can while one fewer cannot. As losses come
   * whole, the larger number may show one loss more and not do, and a smaller one do as well.
   *
   * @throws CalibrationException if epsilon is not finite
   */
  public OptionalInt samplesNeeded(double epsilon) {
    Settings.checkEpsilon(epsilon);
    int enough = 1;
    while (!certifies(enough, epsilon)) {
      if (enough == MOST_SAMPLES || epsilon <= risk) {
        return OptionalInt.empty();
      }
      enough *= 2;
    }
    int tooFew = enough / 2;
    while (enough - tooFew > 1) {
      int middle = (enough + tooFew) >>> 1;
      if (certifies(middle, epsilon)) {
        enough = middle;
      } else {
        tooFew = middle;
      }
    }
    return OptionalInt.of(enough);
  }

  /**
   * Why n samples cannot certify epsilon, and the remedy; else empty. Only where early answers are
   * better than the full model's, so that losses are negative, may a betting bound still do it.
   */
  public Optional<String> shortfall(double epsilon, int n) {
    if (certifies(n, epsilon)) {
      return Optional.empty();
    }
    OptionalInt needed = samplesNeeded(epsilon);
    return Optional.of(
        String.format(
            Locale.ROOT,
            "epsilon below the achievable minimum: %d samples certify %.4g at best, without any loss; use %s"
                + " samples or a larger epsilon%s",
            n,
            epsilonMin(n),
            needed.isPresent() ? "at least " + needed.getAsInt() : "more than " + MOST_SAMPLES,
            method.promise() == Promise.HIGH_PROBABILITY ? " or delta" : ""));
  }

  private boolean certifies(int n, double epsilon) {
    double minimum = epsilonMin(n);
    return method.family() == Method.Family.UCB ? minimum < epsilon : minimum <= epsilon;
  }

  /** The level of the first test. */
  double level() {
    return fwer.firstLevel(delta, Math.max(1, rows - 1));
  }

  private double[] losses(int n) {
    double[] losses = new double[n];
    double share = risk / bound;
    double shown = 0;
    for (int i = 0; i < n && share > 0; i++) {
      // In doubles 100 * 0.07 is above 7.
      double due = Math.ceil((i + 1) * share - 1e-9);
      losses[i] = due > shown ? bound : 0;
      shown = due;
    }
    return losses;
  }
}
