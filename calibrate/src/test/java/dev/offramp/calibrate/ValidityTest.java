package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The guarantee itself, by simulation: over many calibration sets drawn from known risk curves, how
 * often does the threshold chosen have a true risk above epsilon?
 */
class ValidityTest {
  private static final int TRIALS = 2_000;
  private static final int SAMPLES = 200;
  private static final double EPSILON = 0.1;
  private static final double DELTA = 0.1;

  /** Three standard errors of a violation rate of delta. */
  private static final double ALLOWED = DELTA + 3 * Math.sqrt(DELTA * (1 - DELTA) / TRIALS);

  /** Rises slowly through epsilon, so that a rule one row too eager would show. */
  private static final double[] MONOTONE =
      IntStream.range(0, 41).mapToDouble(k -> 0.005 * k).toArray();

  /** Falls back below epsilon after exceeding it, twice. */
  private static final double[] WAVY =
      IntStream.range(0, 41).mapToDouble(k -> 0.08 * Math.sin(k * 0.35) + 0.003 * k).toArray();

  /** The worst case: safe at once, then on the wrong side by a hair for ever after. */
  private static final double[] PLATEAU =
      IntStream.range(0, 41).mapToDouble(k -> k < 3 ? 0.01 : EPSILON + 1e-9).toArray();

  @Test
  void lttKeepsItsPromiseOnMonotoneRisk() {
    assertKept(MONOTONE, true);
    assertKept(MONOTONE, false);
  }

  @Test
  void lttKeepsItsPromiseOnRiskThatIsNotMonotone() {
    assertKept(WAVY, true);
    assertKept(WAVY, false);
  }

  @Test
  void lttKeepsItsPromiseOnTheEdge() {
    assertKept(PLATEAU, true);
    assertKept(PLATEAU, false);
  }

  @Test
  void lttKeepsItsPromiseOnGapLosses() {
    Outcome outcome = simulate(MONOTONE, true, 0.03, Method.LTT_HB);
    assertThat(outcome.violationRate()).isLessThanOrEqualTo(ALLOWED);
    assertThat(outcome.meanRow()).isGreaterThan(1);
  }

  @Test
  void naiveBreaksIt() {
    assertThat(simulate(MONOTONE, true, 0, Method.NAIVE).violationRate()).isGreaterThan(0.3);
    assertThat(simulate(PLATEAU, true, 0, Method.NAIVE).violationRate()).isGreaterThan(0.3);
    assertThat(simulate(PLATEAU, false, 0, Method.NAIVE).violationRate()).isGreaterThan(0.3);
  }

  private static void assertKept(double[] risk, boolean coupled) {
    Outcome outcome = simulate(risk, coupled, 0, Method.LTT_HB);
    assertThat(outcome.violationRate()).isLessThanOrEqualTo(ALLOWED);
    // Not by always falling back: some threshold is usually found.
    assertThat(outcome.meanRow()).isGreaterThan(1);
  }

  private record Outcome(double violationRate, double meanRow) {}

  /**
   * Draws losses with the given true risks.
   *
   * @param risk shape [K], true mean loss of each row; row 0 has none
   * @param coupled one uniform variable a sample, as exits of one model behave, or one for each row
   * @param helped share of samples whose loss is -1 once early, made up for by more losses of 1
   */
  private static Outcome simulate(double[] risk, boolean coupled, double helped, Method method) {
    SplittableRandom random = new SplittableRandom(20240531);
    double[] lambdas = Grid.uniform(risk.length - 1);
    double[][] losses = new double[risk.length][SAMPLES];
    int violations = 0;
    long rows = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      for (int i = 0; i < SAMPLES; i++) {
        double u = random.nextDouble();
        for (int k = 1; k < risk.length; k++) {
          double draw = coupled ? u : random.nextDouble();
          losses[k][i] = draw < risk[k] + helped ? 1 : draw > 1 - helped ? -1 : 0;
        }
      }
      LossTable table = new LossTable(lambdas, losses, 1);
      int row = Calibrator.calibrate(table, new Settings(method, EPSILON, DELTA)).rowIndex();
      violations += risk[row] > EPSILON ? 1 : 0;
      rows += row;
    }
    return new Outcome(violations / (double) TRIALS, rows / (double) TRIALS);
  }
}
