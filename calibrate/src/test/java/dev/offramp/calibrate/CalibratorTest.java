package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.bound.HoeffdingBentkus;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class CalibratorTest {
  /** Row k has ones[k] losses of 1 among n. */
  private static LossTable table(int n, int... ones) {
    double[][] losses = new double[ones.length][n];
    for (int k = 0; k < ones.length; k++) {
      Arrays.fill(losses[k], 0, ones[k], 1);
    }
    double[] lambdas = Arrays.copyOf(Grid.uniform(10), ones.length);
    return new LossTable(lambdas, losses, 1);
  }

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
    assertThat(c.guarantee()).contains("0.05", "0.1", "1000", "0.8");
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

  @Test
  void epsilonMinIsWhatZeroLossCanCertify() {
    assertThat(Method.LTT_HB.epsilonMin(100, 0.1, 1)).isCloseTo(0.02276, within(5e-6));
    assertThat(Method.LTT_HB.epsilonMin(100, 0.05, 1)).isCloseTo(0.02951, within(5e-6));
    double minimum = Method.LTT_HB.epsilonMin(100, 0.1, 2);
    LossTable lossless = new LossTable(new double[] {1, 0.5}, new double[2][100], 2);
    assertThat(
            Calibrator.calibrate(lossless, new Settings(Method.LTT_HB, minimum * 1.001, 0.1))
                .fallback())
        .isFalse();
    Calibration below =
        Calibrator.calibrate(lossless, new Settings(Method.LTT_HB, minimum * 0.999, 0.1));
    assertThat(below.fallback()).isTrue();
    assertThat(below.reason()).startsWith("epsilon below the achievable minimum: 100 samples");
  }

  @Test
  void fallbacksSayWhy() {
    for (Method method : Method.values()) {
      Calibration c = Calibrator.calibrate(table(100, 0, 0), new Settings(method, 0, 0.1));
      assertThat(c.fallback()).isTrue();
      assertThat(c.lambda()).isOne();
      assertThat(c.reason()).startsWith("epsilon <= 0");
      assertThat(c.guarantee()).startsWith("Never exit");
      assertThat(Calibrator.calibrate(table(1000, 0, 500), new Settings(method, 0.1, 0.1)).reason())
          .startsWith("no power");
      assertThat(Calibrator.calibrate(table(1000, 0), new Settings(method, 0.1, 0.1)).reason())
          .contains("no threshold");
    }
  }

  @Test
  void aSingleSampleCertifiesPracticallyNothing() {
    assertThat(
            Calibrator.calibrate(table(1, 0, 0), new Settings(Method.LTT_HB, 0.5, 0.1)).fallback())
        .isTrue();
  }

  @Test
  void epsilonAtTheBoundAcceptsEveryRow() {
    for (Method method : Method.values()) {
      assertThat(Calibrator.calibrate(table(5, 0, 5, 5), new Settings(method, 1, 0.1)).rowIndex())
          .isEqualTo(2);
    }
  }

  @Test
  void negativeLossesDoNotBuyRiskUnderLtt() {
    double[][] losses = new double[2][100];
    Arrays.fill(losses[1], 0, 20, 1);
    Arrays.fill(losses[1], 20, 60, -1);
    LossTable table = new LossTable(new double[] {1, 0.5}, losses, 1);
    assertThat(Calibrator.calibrate(table, new Settings(Method.NAIVE, 0.1, 0.1)).rowIndex())
        .isOne();
    Calibration clipped = Calibrator.calibrate(table, new Settings(Method.LTT_HB, 0.1, 0.1));
    assertThat(clipped.fallback()).isTrue();
    assertThat(clipped.empiricalRisk()[1]).isEqualTo(-0.2);
  }

  @Test
  void boundScalesLossAndEpsilonTogether() {
    double[][] doubled = new double[3][200];
    Arrays.fill(doubled[1], 0, 10, 2);
    Arrays.fill(doubled[2], 0, 16, 2);
    Calibration c =
        Calibrator.calibrate(
            new LossTable(new double[] {1, 0.9, 0.8}, doubled, 2),
            new Settings(Method.LTT_HB, 0.2, 0.1));
    Calibration unit =
        Calibrator.calibrate(table(200, 0, 10, 16), new Settings(Method.LTT_HB, 0.1, 0.1));
    assertThat(c.pValues()).isEqualTo(unit.pValues());
    assertThat(c.rowIndex()).isEqualTo(unit.rowIndex()).isOne();
  }

  @Test
  void badLevels() {
    LossTable table = table(10, 0, 0);
    for (double delta : new double[] {0, 1, -0.1, Double.NaN}) {
      assertThatThrownBy(() -> Calibrator.calibrate(table, new Settings(Method.LTT_HB, 0.1, delta)))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("delta");
    }
    assertThatThrownBy(
            () -> Calibrator.calibrate(table, new Settings(Method.LTT_HB, Double.NaN, 0.1)))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("epsilon");
  }
}
