package dev.offramp.calibrate;

import static dev.offramp.calibrate.Tables.table;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What is promised, why sometimes nothing is, and which losses a method can deal with. */
class CalibratorPromiseTest {
  @Test
  void epsilonMinIsWhatZeroLossCanCertify() {
    assertThat(new Planner(Method.LTT_HB, 0.1, 1).epsilonMin(100)).isCloseTo(0.02276, within(5e-6));
    assertThat(new Planner(Method.LTT_HB, 0.05, 1).epsilonMin(100))
        .isCloseTo(0.02951, within(5e-6));
    double minimum = new Planner(Method.LTT_HB, 0.1, 2).epsilonMin(100);
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
      assertThat(c.pValues()).hasSize(method.tests() ? 2 : 0).doesNotContain(0);
      double[][] better = new double[2][1000];
      Arrays.fill(better[1], -1);
      LossTable gain = new LossTable(new double[] {1, 0.5}, better, 1);
      assertThat(Calibrator.calibrate(gain, new Settings(method, 0, 0.1)).fallback())
          .as("%s, where all are better early", method.id())
          .isTrue();
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
  void theReasonNamesWhatFailed() {
    LossTable fine = table(400, 0, 0, 0);
    LossTable bad = table(400, 0, 300, 300);
    for (Method method : List.of(Method.NAIVE, Method.CRC)) {
      RiskLevel further = new RiskLevel("second", bad, 0.1);
      Calibration c =
          Calibrator.calibrate("first", fine, new Settings(method, 0.1, 0.1), List.of(further));
      assertThat(c.reason())
          .contains(
              "mean loss of second at lambda",
              method == Method.NAIVE
                  ? " is 0.7500, above epsilon"
                  : " is 0.7500, above (n + 1) / n epsilon - bound / n");
      assertThat(Calibrator.calibrate(bad, new Settings(method, 0.1, 0.1)).reason())
          .contains("the mean loss at lambda");
    }
    assertThat(Calibrator.calibrate(bad, new Settings(Method.UCB_WSR, 0.1, 0.1)).reason())
        .matches("no power: at lambda \\S+ the upper bound of the risk is \\S+, not below epsilon");
    Calibration ucb =
        Calibrator.calibrate(
            "first",
            fine,
            new Settings(Method.UCB_WSR, 0.1, 0.1),
            List.of(
                new RiskLevel("second", bad, 0.1),
                new RiskLevel("third", fine, 0.1),
                new RiskLevel("fourth", bad, 0.2)));
    assertThat(ucb.reason())
        .matches(
            "no power: at lambda \\S+ the upper bound of second is \\S+ and that of fourth is"
                + " \\S+, not below epsilon");
    LossTable best = table(400, 0, 300, 38, 300);
    assertThat(
            Calibrator.calibrate(best, new Settings(Method.LTT_HB, Fwer.HOLM, 0.1, 0.1)).reason())
        .contains("the smallest p-value, at lambda " + best.lambdas()[2], "as holm shares it");
    Calibration starts =
        Calibrator.calibrate(bad, new Settings(Method.LTT_HB, Fwer.MULTI_START, 0.1, 0.1));
    assertThat(starts.reason()).contains("no starting point");
    Calibration split =
        Calibrator.calibrate(bad, new Settings(Method.LTT_HB, Fwer.SPLIT, 0.1, 0.1));
    assertThat(split.reason()).contains("the ordering half");
  }

  @Test
  void binomialMethodsRefuseOtherLosses() {
    LossTable table = new LossTable(new double[] {1, 0.5}, new double[][] {{0, 0}, {0.5, 0}}, 1);
    for (Method method : new Method[] {Method.UCB_BINOMIAL, Method.LTT_BINOMIAL}) {
      assertThatThrownBy(() -> Calibrator.calibrate(table, new Settings(method, 0.1, 0.1)))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("loss 0.5 of sample 0 is neither 0 nor the bound 1.0");
    }
  }

  @Test
  void badLevels() {
    for (double delta : new double[] {0, 1, -0.1, Double.NaN}) {
      assertThatThrownBy(() -> new Settings(Method.NAIVE, 0.1, delta))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("delta");
    }
    assertThatThrownBy(() -> new Settings(Method.NAIVE, Double.NaN, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("epsilon");
  }

  @Test
  void crcSaysWhetherItsTheoremHolds() {
    Calibration monotone =
        Calibrator.calibrate(table(100, 0, 1, 2), new Settings(Method.CRC, 0.1, 0.1));
    assertThat(monotone.guarantee())
        .startsWith("On average over draws of 100")
        .contains("at most 0.1, provided that no sample's loss ever falls");
    // The mean rises, one sample's loss falls.
    double[][] losses = new double[3][100];
    losses[1][0] = 1;
    losses[2][1] = 1;
    losses[2][2] = 1;
    LossTable table = new LossTable(new double[] {1, 0.5, 0}, losses, 1);
    Calibration c = Calibrator.calibrate(table, new Settings(Method.CRC, 0.1, 0.1));
    assertThat(c.rowIndex()).isEqualTo(2);
    assertThat(c.guarantee()).startsWith("Not proven: the loss of 1 of the 100");
    Calibration samplewise =
        Calibrator.calibrate(table, new Settings(Method.CRC_SAMPLEWISE, 0.1, 0.1));
    assertThat(samplewise.guarantee())
        .startsWith("On average")
        .contains("at most 0.1;")
        .doesNotContain("provided");
    // Mean loss 0.02, mean of the running maximum 0.03: (n + 1) / n epsilon - 1 / n lies between.
    double epsilon = 0.036;
    assertThat(Calibrator.calibrate(table, new Settings(Method.CRC, epsilon, 0.1)).rowIndex())
        .isEqualTo(2);
    assertThat(
            Calibrator.calibrate(table, new Settings(Method.CRC_SAMPLEWISE, epsilon, 0.1))
                .rowIndex())
        .isOne();
  }

  @Test
  void crcFallsBackBelowItsMinimumEvenIfARowHasNegativeRisk() {
    double[][] losses = new double[2][10];
    Arrays.fill(losses[1], -1);
    LossTable table = new LossTable(new double[] {1, 0.5}, losses, 1);
    Calibration c = Calibrator.calibrate(table, new Settings(Method.CRC, 0.05, 0.1));
    assertThat(c.fallback()).isTrue();
    assertThat(c.reason())
        .contains("10 samples certify 0.09091 at best, without any loss; use at least 19");
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
  void negativeLossesCountUnderBetting() {
    double[][] losses = new double[2][400];
    Arrays.fill(losses[1], 0, 60, 1);
    Arrays.fill(losses[1], 60, 160, -1);
    shuffle(losses[1]);
    LossTable table = new LossTable(new double[] {1, 0.5}, losses, 1);
    for (Method method : Method.values()) {
      boolean keepsThem =
          switch (method) {
            case NAIVE, CRC, UCB_WSR, LTT_WSR -> true;
            default -> false;
          };
      assertThat(Calibrator.calibrate(table, new Settings(method, 0.1, 0.1)).fallback())
          .as(method.id())
          .isEqualTo(!keepsThem);
    }
  }

  private static void shuffle(double[] values) {
    SplittableRandom random = new SplittableRandom(5);
    for (int i = values.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      double swapped = values[i];
      values[i] = values[j];
      values[j] = swapped;
    }
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

  /**
   * Losses, bound and epsilon in another unit are the same question; only to the betting methods,
   * whose first stakes are in the unit of the losses, it is not (the golden vectors hold those).
   */
  @Test
  void theUnitOfTheLossesDoesNotMatter() {
    LossTable table = table(400, 0, 4, 8, 12, 20, 24, 40);
    double[][] doubled =
        Arrays.stream(table.losses())
            .map(row -> Arrays.stream(row).map(x -> 2 * x).toArray())
            .toArray(double[][]::new);
    LossTable twice = new LossTable(table.lambdas(), doubled, 2);
    for (Method method : Method.values()) {
      if (method == Method.UCB_WSR || method == Method.LTT_WSR) {
        continue;
      }
      for (Fwer fwer : method.tests() ? Fwer.values() : new Fwer[] {Fwer.FIXED_SEQUENCE}) {
        Calibration one = Calibrator.calibrate(table, new Settings(method, fwer, 0.09, 0.1, 1));
        Calibration two = Calibrator.calibrate(twice, new Settings(method, fwer, 0.18, 0.1, 1));
        String name = method.id() + " " + fwer.id();
        assertThat(one.fallback()).as(name).isFalse();
        assertThat(two.acceptedRows()).as(name).isEqualTo(one.acceptedRows());
        assertThat(two.epsilonMin()).as(name).isCloseTo(2 * one.epsilonMin(), within(1e-9));
        for (int k = 0; k < one.pValues().length; k++) {
          assertThat(two.pValues()[k]).as(name).isCloseTo(one.pValues()[k], within(1e-9));
        }
        assertThat(two.upperBounds()).as(name).hasSameSizeAs(one.upperBounds());
        for (int k = 0; k < one.upperBounds().length; k++) {
          assertThat(two.upperBounds()[k])
              .as(name)
              .isCloseTo(2 * one.upperBounds()[k], within(1e-8));
        }
      }
    }
  }
}
