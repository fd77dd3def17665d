package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ParetoTestingTest {
  private static final double[] COST = {1, 2, 3, 6};

  /**
   * Samples whose confidence at an exit tells something of whether it agrees with the last exit;
   * the first exit's confidences are far too high, so that one threshold for all suits none.
   */
  private static ExitTable population(int samples, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] confidence = new float[COST.length][samples];
    int[][] prediction = new int[COST.length][samples];
    for (int i = 0; i < samples; i++) {
      for (int exit = 0; exit + 1 < COST.length; exit++) {
        double chance = Math.pow(random.nextDouble(), exit == 0 ? 0.5 : 0.2);
        prediction[exit][i] = random.nextDouble() < chance ? 0 : 1;
        confidence[exit][i] = (float) (exit == 0 ? 0.8 + 0.2 * chance : chance * 0.8);
      }
    }
    return new ExitTable(confidence, prediction);
  }

  private static double[][] losses(ExitTable table) {
    return LossTable.lossOfExit(Risk.PREDICTION_CONSISTENCY, table, null);
  }

  private static double mean(ExitTable table, double[] thresholds, double[][] ofExit) {
    return IntStream.range(0, table.samples())
        .mapToDouble(i -> ofExit[table.exitOf(i, thresholds)][i])
        .average()
        .orElseThrow();
  }

  private static double cost(ExitTable table, double[] thresholds) {
    return IntStream.range(0, table.samples())
        .mapToDouble(i -> COST[table.exitOf(i, thresholds)])
        .average()
        .orElseThrow();
  }

  private static Settings settings(double epsilon, long seed) {
    return new Settings(Method.LTT_HB, Fwer.SPLIT, epsilon, 0.1, seed);
  }

  @Test
  void aThresholdForEachExitBeatsOneForAll() {
    ExitTable table = population(4_000, 1);
    double[][] losses = losses(table);
    Calibration vector =
        ParetoTesting.calibrate("wrong answers", table, losses, 1, COST, 1_000, settings(0.1, 7));
    assertThat(vector.fallback()).isFalse();
    assertThat(vector.isVector()).isTrue();
    assertThat(vector.guarantee()).contains("thresholds [", "0.1 (wrong answers)", "4000");
    double[] thresholds = vector.thresholds(3);
    assertThat(thresholds).isEqualTo(vector.vectors()[vector.rowIndex()]);
    assertThatThrownBy(() -> vector.thresholds(2)).hasMessageContaining("3 early exits");
    assertThatThrownBy(vector::lambda).hasMessageContaining("no single lambda");
    Calibration single =
        Calibrator.calibrate(
            LossTable.of(table, losses, Grid.uniform(), 1), new Settings(Method.LTT_HB, 0.1, 0.1));
    ExitTable fresh = population(20_000, 2);
    assertThat(mean(fresh, thresholds, losses(fresh))).isLessThan(0.1);
    assertThat(cost(fresh, thresholds)).isLessThan(cost(fresh, single.thresholds(3)) * 0.95);
  }

  @Test
  void sameSeedSameVectors() {
    ExitTable table = population(500, 1);
    double[][] losses = losses(table);
    Calibration once = ParetoTesting.calibrate("", table, losses, 1, COST, 300, settings(0.15, 7));
    Calibration again = ParetoTesting.calibrate("", table, losses, 1, COST, 300, settings(0.15, 7));
    assertThat(again).usingRecursiveComparison().isEqualTo(once);
    Calibration other = ParetoTesting.calibrate("", table, losses, 1, COST, 300, settings(0.15, 8));
    assertThat(other.vectors()).isNotEqualTo(once.vectors());
  }

  /**
   * Confidences that say nothing and losses that fall on any exit but the last by the same chance:
   * a vector's risk is that chance times the probability to exit early, and so many vectors are
   * unsafe by a hair that searching and testing on the same samples is found out.
   */
  @Test
  void keepsItsPromiseAmongVectorsUnsafeByAHair() {
    int exits = 7;
    int samples = 160;
    double chance = 0.11;
    double epsilon = 0.1;
    double[] cost = {1, 2, 3, 4, 5, 6, 7};
    int trials = 1_000;
    long[] outcomes =
        IntStream.range(0, trials)
            .parallel()
            .mapToObj(trial -> {
              SplittableRandom random = new SplittableRandom(trial);
              float[][] confidence = new float[exits][samples];
              double[][] losses = new double[exits][samples];
              for (int exit = 0; exit + 1 < exits; exit++) {
                for (int i = 0; i < samples; i++) {
                  confidence[exit][i] = (float) random.nextDouble();
                  losses[exit][i] = random.nextDouble() < chance ? 1 : 0;
                }
              }
              ExitTable table = new ExitTable(confidence, new int[exits][samples]);
              Settings settings =
                  new Settings(Method.LTT_BINOMIAL, Fwer.SPLIT, epsilon, 0.1, trial);
              Calibration c = ParetoTesting.calibrate("", table, losses, 1, cost, 200, settings);
              boolean violated =
                  Arrays.stream(c.acceptedRows())
                      .anyMatch(k ->
                          chance * (1 - Arrays.stream(c.vectors()[k]).reduce(1, (x, y) -> x * y))
                              > epsilon);
              return new long[] {violated ? 1 : 0, c.fallback() ? 0 : 1};
            })
            .reduce(new long[2], (x, y) -> new long[] {x[0] + y[0], x[1] + y[1]});
    assertThat(outcomes[0] / (double) trials).isLessThan(0.1 + 3 * Math.sqrt(0.09 / trials));
    assertThat(outcomes[1]).as("not by always falling back").isGreaterThan(trials / 2);
  }

  /** Each accepted vector's p-value on the testing half is at most delta, the next one's is not. */
  @Test
  void stopsAtTheFirstFailure() {
    ExitTable table = population(400, 5);
    Calibration c =
        ParetoTesting.calibrate("", table, losses(table), 1, COST, 500, settings(0.12, 3));
    int accepted = c.acceptedRows().length;
    assertThat(accepted).isBetween(1, c.vectors().length - 2);
    for (int k = 1; k < c.pValues().length; k++) {
      assertThat(c.pValues()[k] <= 0.1).as("row %d", k).isEqualTo(k <= accepted);
    }
  }

  @Test
  void fallbacksSayWhy() {
    ExitTable table = population(100, 1);
    double[][] losses = losses(table);
    assertThat(ParetoTesting.calibrate("", table, losses, 1, COST, 50, settings(0, 1)).reason())
        .startsWith("epsilon <= 0");
    assertThat(ParetoTesting.calibrate("", table, losses, 1, COST, 50, settings(0.01, 1)).reason())
        .startsWith("epsilon below the achievable minimum: 100 samples");
    double[] flat = {6, 6, 6, 6};
    assertThat(ParetoTesting.calibrate("", table, losses, 1, flat, 50, settings(0.2, 1)).reason())
        .contains("cheaper");
    // All exit or none, and those who do are wrong.
    float[][] even = new float[COST.length][100];
    int[][] wrong = new int[COST.length][100];
    for (int exit = 0; exit < 3; exit++) {
      Arrays.fill(even[exit], 0.5f);
      Arrays.fill(wrong[exit], 1);
    }
    ExitTable useless = new ExitTable(even, wrong);
    Calibration unsafe =
        ParetoTesting.calibrate("", useless, losses(useless), 1, COST, 50, settings(0.2, 1));
    assertThat(unsafe.fallback()).isTrue();
    assertThat(unsafe.thresholds(3)).containsOnly(1);
    assertThat(unsafe.reason()).startsWith("no power");
  }

  @Test
  void badInput() {
    ExitTable table = population(10, 1);
    double[][] losses = losses(table);
    assertBad(
        () ->
            ParetoTesting.calibrate(
                "", table, losses, 1, COST, 50, new Settings(Method.LTT_HB, 0.1, 0.1)),
        "fwer split");
    assertBad(
        () -> ParetoTesting.calibrate("", table, losses, 1, new double[2], 50, settings(0.1, 1)),
        "costs");
    assertBad(() -> ParetoTesting.calibrate("", table, losses, 1, COST, 0, settings(0.1, 1)), "0");
    assertBad(
        () -> ParetoTesting.calibrate("", table, new double[2][10], 1, COST, 9, settings(0.1, 1)),
        "losses of 2 exits");
    double[][] nan = losses(table);
    nan[1][3] = Double.NaN;
    assertBad(
        () -> ParetoTesting.calibrate("", table, nan, 1, COST, 9, settings(0.1, 1)),
        "NaN of sample 3");
    double[][] notFull = losses(table);
    notFull[3][4] = 0.5;
    assertBad(
        () -> ParetoTesting.calibrate("", table, notFull, 1, COST, 9, settings(0.1, 1)),
        "the last exit must have no loss");
  }

  private static void assertBad(Runnable call, String message) {
    assertThatThrownBy(call::run)
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining(message);
  }
}
