package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LossTableTest {
  /** Samples: agree; early wrong, full right; early right, full wrong; both wrong, different. */
  private static final ExitTable TABLE =
      new ExitTable(
          new float[][] {{0.9f, 0.7f, 0.5f, 0.3f}, {0, 0, 0, 0}},
          new int[][] {{0, 1, 2, 3}, {0, 2, 1, 4}});

  private static final int[] LABELS = {0, 2, 2, 5};
  private static final double[] LAMBDAS = {1, 0.8, 0.6, 0.4, 0.2};

  @Test
  void gapCountsOnlyWhatTheFullModelGotRight() {
    LossTable gap = LossTable.of(Risk.PREDICTION_GAP, TABLE, LABELS, LAMBDAS);
    assertThat(gap.losses()[4]).containsExactly(0, 1, -1, 0);
    assertThat(gap.losses()[2]).containsExactly(0, 1, 0, 0);
    assertThat(gap.losses()[0]).containsOnly(0);
    assertThat(gap.risk(4)).isZero();
  }

  @Test
  void consistencyCountsEveryChange() {
    LossTable consistency = LossTable.of(Risk.PREDICTION_CONSISTENCY, TABLE, null, LAMBDAS);
    assertThat(consistency.losses()[4]).containsExactly(0, 1, 1, 1);
    assertThat(consistency.losses()[1]).containsOnly(0);
    assertThat(consistency.risk(3)).isEqualTo(0.5);
  }

  @Test
  void tenThousandSamples() {
    int samples = 10_000;
    int exits = 12;
    SplittableRandom random = new SplittableRandom(1);
    float[][] confidence = new float[exits][samples];
    int[][] prediction = new int[exits][samples];
    for (int e = 0; e < exits; e++) {
      for (int i = 0; i < samples; i++) {
        confidence[e][i] = random.nextFloat();
        prediction[e][i] = random.nextInt(5);
      }
    }
    ExitTable table = new ExitTable(confidence, prediction);
    LossTable losses = LossTable.of(Risk.PREDICTION_CONSISTENCY, table, null, Grid.uniform());
    Calibrator.calibrate(losses, new Settings(Method.LTT_HB, 0.1, 0.1));
    // At lambda 0 everyone takes the first exit, whose answer is independent of the last one's.
    assertThat(losses.risk(200)).isBetween(0.78, 0.82);
  }

  @Test
  void uniformGridHasExactDecimals() {
    double[] grid = Grid.uniform();
    assertThat(grid).hasSize(201).startsWith(1, 0.995, 0.99).endsWith(0.005, 0);
    assertThat(Grid.uniform(4)).containsExactly(1, 0.75, 0.5, 0.25, 0);
    assertBad(() -> Grid.uniform(0), "at least 1");
  }

  @Test
  void badInput() {
    double[] two = {1, 0.5};
    assertBad(() -> new LossTable(two, new double[1][3], 1), "2 thresholds for 1 rows");
    assertBad(() -> new LossTable(new double[0], new double[0][], 1), "at least one");
    assertBad(() -> new LossTable(two, new double[2][0], 1), "no calibration samples");
    assertBad(() -> new LossTable(two, new double[][] {{0}, {0, 0}}, 1), "row 1");
    assertBad(() -> new LossTable(two, new double[][] {{0}, {Double.NaN}}, 1), "NaN");
    assertBad(() -> new LossTable(two, new double[][] {{0}, {1.5}}, 1), "bound 1.0");
    assertBad(
        () -> new LossTable(two, new double[][] {{0}, {Double.NEGATIVE_INFINITY}}, 1), "Infinity");
    assertBad(() -> new LossTable(new double[] {0.5, 1}, new double[2][1], 1), "descending");
    assertBad(() -> new LossTable(new double[] {1, Double.NaN}, new double[2][1], 1), "NaN");
    for (double bound : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertBad(() -> new LossTable(two, new double[2][1], bound), "bound " + bound);
    }
    int exits = TABLE.exits();
    assertBad(
        () -> LossTable.of(TABLE, new double[exits - 1][4], LAMBDAS, 1),
        "losses of %d exits for %d exits".formatted(exits - 1, exits));
    double[][] unseen = new double[exits][4];
    unseen[0][1] = 1.5; // At lambda 1 nobody takes it.
    assertBad(() -> LossTable.of(TABLE, unseen, new double[] {1}, 1), "bound 1.0");
    double[][] lossy = new double[exits][4];
    lossy[exits - 1][2] = 0.5;
    assertBad(() -> LossTable.of(TABLE, lossy, LAMBDAS, 1), "the last exit must have no loss");
    assertBad(() -> LossTable.of(Risk.PREDICTION_GAP, TABLE, null, LAMBDAS), "needs labels");
    assertBad(() -> LossTable.of(Risk.PREDICTION_GAP, TABLE, new int[3], LAMBDAS), "3 labels");
    assertBad(
        () -> LossTable.of(Risk.PREDICTION_GAP, TABLE, new int[] {0, 0, -1, 0}, LAMBDAS),
        "negative");
    assertBad(
        () -> LossTable.of(Risk.PREDICTION_CONSISTENCY, TABLE, null, new double[] {0.9}),
        "start with lambda 1");
    assertBad(() -> Risk.of("regret"), "prediction-gap, prediction-consistency");
    assertBad(() -> Method.of("magic"), "known are naive, crc, crc-samplewise, ucb-wsr");
  }

  @Test
  void equalNeighboursInTheGridAreAllowed() {
    assertThat(new LossTable(new double[] {1, 0.5, 0.5}, new double[3][2], 1).rows()).isEqualTo(3);
  }

  @Test
  void oneThresholdHasOneRisk() {
    double[][] losses = {{0, 0}, {0, 0}, {1, 0}};
    assertThatThrownBy(() -> new LossTable(new double[] {1, 0.5, 0.5}, losses, 1))
        .hasMessageContaining("same lambda 0.5");
  }

  @Test
  void rowZeroHasNoLoss() {
    assertThatThrownBy(
            () -> new LossTable(new double[] {1, 0}, new double[][] {{0, 0.2}, {0, 0}}, 1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("row 0, never exit, must have no loss, but sample 1 has 0.2");
  }

  private static void assertBad(Runnable code, String message) {
    assertThatThrownBy(code::run)
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining(message);
  }
}
