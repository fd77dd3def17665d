package dev.offramp.calibrate;

import static dev.offramp.calibrate.Tables.table;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.calibrate.bound.HoeffdingBentkus;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which row of a table is taken: by method, procedure, cost and further risks. */
class CalibratorRowTest {
  @Test
  void takesTheLastRowOfTheUnbrokenRun() {
    // At n = 1000, epsilon 0.05: 30 errors are rejected at delta 0.1, 45 are not; row 4 is cut off.
    Calibration c =
        Calibrator.calibrate(table(1000, 0, 10, 30, 45, 0), new Settings(Method.LTT_HB, 0.05, 0.1));
    assertThat(c.rowIndex()).isEqualTo(2);
    assertThat(c.lambda()).isEqualTo(0.8);
    assertThat(c.fallback()).isFalse();
    assertThat(c.reason()).isNull();
    assertThat(c.pValues()).hasSize(5);
    assertThat(c.empiricalRisk()).containsExactly(0, 0.01, 0.03, 0.045, 0);
    assertThat(c.guarantee()).contains("0.1", "1000", "0.8").endsWith(" is at most 0.05.");
  }

  @Test
  void naiveAcceptsUpToEpsilonAndPromisesNothing() {
    Calibration c =
        Calibrator.calibrate(table(100, 0, 3, 5, 6, 1), new Settings(Method.NAIVE, 0.05, 0.1));
    assertThat(c.rowIndex()).isEqualTo(2);
    assertThat(c.guarantee()).startsWith("No guarantee");
    assertThat(c.pValues()).isEmpty();
    assertThat(c.epsilonMin()).isZero();
  }

  @Test
  void tiesOfPValueAndDeltaAreRejected() {
    double p = HoeffdingBentkus.pValue(3, 100, 0.1);
    assertThat(
            Calibrator.calibrate(table(100, 0, 3), new Settings(Method.LTT_HB, 0.1, p)).rowIndex())
        .isOne();
    assertThat(
            Calibrator.calibrate(
                    table(100, 0, 3), new Settings(Method.LTT_HB, 0.1, Math.nextDown(p)))
                .rowIndex())
        .isZero();
  }

  /** Of 11 samples (n + 1) / n - 1 / n, the limit of conformal risk control, is rounded below 1. */
  @Test
  void epsilonAtTheBoundAcceptsEveryRow() {
    for (Method method : Method.values()) {
      assertThat(
              Calibrator.calibrate(table(11, 0, 11, 11), new Settings(method, 1, 0.1)).rowIndex())
          .as(method.id())
          .isEqualTo(2);
    }
  }

  @Test
  void upperBoundsReachToTheFirstFailure() {
    Settings settings = new Settings(Method.UCB_BINOMIAL, 0.05, 0.1);
    Calibration c = Calibrator.calibrate(table(1000, 0, 10, 30, 45, 0), settings);
    assertThat(c.rowIndex()).isEqualTo(2);
    assertThat(c.upperBounds()).hasSize(4);
    assertThat(c.upperBounds()[2]).isLessThan(0.05);
    assertThat(c.upperBounds()[3]).isGreaterThanOrEqualTo(0.05);
    assertThat(c.pValues()).isEmpty();
    assertThat(c.fwer()).isNull();
  }

  /** Bounds are computed in blocks: what fails in one is not made good by the next. */
  @Test
  void rowsBehindALossyOneAreNotAcceptedHoweverManyTheyAre() {
    double[] grid = Grid.uniform(200);
    for (int lossy : new int[] {1, 10, 63, 64, 65, 199, 200}) {
      double[][] losses = new double[201][100];
      Arrays.fill(losses[lossy], 1);
      Calibration c =
          Calibrator.calibrate(
              new LossTable(grid, losses, 1), new Settings(Method.UCB_HB, 0.05, 0.1));
      assertThat(c.acceptedRows()).isEqualTo(IntStream.range(1, lossy).toArray());
      assertThat(c.upperBounds()).hasSize(lossy + 1);
    }
  }

  @Test
  void otherProceduresReachSafeRowsBehindUnsafeOnes() {
    LossTable table = table(1000, 0, 10, 90, 10, 10);
    for (Fwer fwer : Fwer.values()) {
      Calibration c = Calibrator.calibrate(table, new Settings(Method.LTT_HB, fwer, 0.05, 0.1, 3));
      assertThat(c.fwer()).isEqualTo(fwer);
      assertThat(c.acceptedRows())
          .as(fwer.id())
          .isEqualTo(fwer == Fwer.FIXED_SEQUENCE ? new int[] {1} : new int[] {1, 3, 4});
      assertThat(c.rowIndex()).isEqualTo(fwer == Fwer.FIXED_SEQUENCE ? 1 : 4);
    }
    assertThatThrownBy(() -> new Settings(Method.CRC, Fwer.HOLM, 0.05, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("fwer holm needs a method that tests");
  }

  @Test
  void theSeedDrawsTheHalves() {
    LossTable table = table(1000, 0, 10, 20, 90);
    double[] once = split(table, 1);
    assertThat(split(table, 1)).isEqualTo(once);
    assertThat(split(table, 2)).isNotEqualTo(once);
    assertThat(Calibrator.calibrate(table(1, 0, 0), splitSettings(1)).fallback()).isTrue();
  }

  private static double[] split(LossTable table, long seed) {
    return Calibrator.calibrate(table, splitSettings(seed)).pValues();
  }

  private static Settings splitSettings(long seed) {
    return new Settings(Method.LTT_HB, Fwer.SPLIT, 0.05, 0.1, seed);
  }

  @Test
  void selectIsTheRowOfCalibrate() {
    LossTable table = table(400, 0, 4, 8, 50, 20, 24, 60);
    for (Method method : Method.values()) {
      Settings settings = new Settings(method, 0.07, 0.1);
      assertThat(Calibrator.select(table, settings))
          .as(method.id())
          .isEqualTo(Calibrator.calibrate(table, settings).rowIndex());
    }
    Settings naive = new Settings(Method.NAIVE, 0.07, 0.1);
    assertThat(Calibrator.select(table, naive)).isEqualTo(2);
    assertThat(Calibrator.selectLastAnywhere(table, naive)).isEqualTo(5);
    assertThat(Calibrator.selectLastAnywhere(table, new Settings(Method.NAIVE, 0.06, 0.1)))
        .as("24 of 400 are 0.06")
        .isEqualTo(5);
    assertThat(Calibrator.selectLastAnywhere(table, new Settings(Method.CRC, 0.06, 0.1)))
        .as("401 / 400 * 0.06 - 1 / 400 is 0.058")
        .isEqualTo(4);
    for (Method method : new Method[] {Method.NAIVE, Method.CRC}) {
      LossTable lossless = table(10, 0, 0, 0);
      assertThat(Calibrator.selectLastAnywhere(lossless, new Settings(method, 0, 0.1))).isZero();
    }
    assertThatThrownBy(
            () -> Calibrator.selectLastAnywhere(table, new Settings(Method.LTT_HB, 0.07, 0.1)))
        .hasMessageContaining("no published rule");
  }

  @Test
  void severalRisksAtOnce() {
    LossTable first = table(1000, 0, 10, 20, 30, 90);
    LossTable second = table(1000, 0, 30, 60, 85, 90);
    RiskLevel further = new RiskLevel("second", second, 0.1);
    for (Method method : Method.values()) {
      Settings settings = new Settings(method, 0.06, 0.1);
      int alone = Calibrator.calibrate(first, settings).rowIndex();
      int other = Calibrator.calibrate(second, new Settings(method, 0.1, 0.1)).rowIndex();
      Calibration both = Calibrator.calibrate("first", first, settings, List.of(further));
      assertThat(both.rowIndex()).as(method.id()).isEqualTo(Math.min(alone, other));
      assertThat(both.furtherRisks()).hasSize(1);
      assertThat(both.furtherRisks().getFirst().empiricalRisk()[1]).isEqualTo(0.03);
    }
    Settings settings = new Settings(Method.LTT_HB, 0.06, 0.1);
    Calibration both = Calibrator.calibrate("first", first, settings, List.of(further));
    for (int k = 1; k < 5; k++) {
      double p1 = HoeffdingBentkus.pValue(1000 * first.risk(k), 1000, 0.06);
      double p2 = HoeffdingBentkus.pValue(1000 * second.risk(k), 1000, 0.1);
      assertThat(both.pValues()[k]).isEqualTo(Math.max(p1, p2));
    }
    assertThat(both.guarantee()).contains("0.1 (second)");
    LossTable otherGrid =
        new LossTable(new double[] {1, 0.4, 0.3, 0.2, 0.1}, second.losses(), second.bound());
    for (LossTable other : new LossTable[] {table(999, 0, 30, 60, 85, 90), otherGrid}) {
      RiskLevel elsewhere = new RiskLevel("second", other, 0.1);
      assertThatThrownBy(() -> Calibrator.calibrate("first", first, settings, List.of(elsewhere)))
          .hasMessageContaining("second are not on the samples and grid");
    }
  }
}
