package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PlannerTest {
  @Test
  void smallestEpsilonsOfAHundredSamples() {
    // Reference values at zero loss, delta 0.1 and 0.05.
    assertThat(new Planner(Method.UCB_WSR, 0.1, 1).epsilonMin(100))
        .isCloseTo(0.02380, within(5e-6));
    assertThat(new Planner(Method.LTT_WSR, 0.05, 1).epsilonMin(100))
        .isCloseTo(0.03086, within(5e-6));
    assertThat(new Planner(Method.UCB_HB, 0.1, 1).epsilonMin(100)).isCloseTo(0.02276, within(5e-6));
    assertThat(new Planner(Method.LTT_HB, 0.05, 1).epsilonMin(100))
        .isCloseTo(0.02951, within(5e-6));
    assertThat(new Planner(Method.LTT_BINOMIAL, 0.05, 2).epsilonMin(100))
        .isCloseTo(2 * (1 - Math.pow(0.05, 0.01)), within(1e-9));
    assertThat(new Planner(Method.UCB_HOEFFDING, 0.1, 1).epsilonMin(100))
        .isCloseTo(Math.sqrt(Math.log(10) / 200), within(1e-12));
    assertThat(new Planner(Method.CRC, 0.1, 1).epsilonMin(100)).isEqualTo(1 / 101.0);
    assertThat(new Planner(Method.NAIVE, 0.1, 1).epsilonMin(100)).isZero();
  }

  /** What it plans is what calibration then does, for every method and procedure. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NAIVE")
  void calibrationCertifiesFromTheNumberPlannedOn(Method method) {
    for (Fwer fwer : method.tests() ? Fwer.values() : new Fwer[] {Fwer.FIXED_SEQUENCE}) {
      int rows = 7;
      double epsilon = 0.083;
      Planner planner = new Planner(method, fwer, 0.1, rows, 1, 0);
      int needed = planner.samplesNeeded(epsilon).orElseThrow();
      Settings settings = new Settings(method, fwer, epsilon, 0.1);
      Calibration enough = Calibrator.calibrate(lossless(rows, needed), settings);
      assertThat(enough.rowIndex()).as("%s %s", method, fwer).isEqualTo(rows - 1);
      assertThat(planner.shortfall(epsilon, needed)).isEmpty();
      if (needed > 1) {
        // Halves are rounded: a split of one sample fewer may test on as many.
        int fewer = fwer == Fwer.SPLIT ? needed - 2 : needed - 1;
        Calibration short_ = Calibrator.calibrate(lossless(rows, fewer), settings);
        assertThat(short_.fallback()).as("%s %s", method, fwer).isTrue();
        assertThat(short_.reason())
            .isEqualTo(planner.shortfall(epsilon, fewer).orElseThrow())
            .contains(fewer + " samples", "at least " + needed);
        assertThat(short_.epsilonMin()).isEqualTo(planner.epsilonMin(fewer)).isGreaterThan(epsilon);
      }
    }
  }

  private static LossTable lossless(int rows, int samples) {
    return new LossTable(Grid.uniform(rows - 1), new double[rows][samples], 1);
  }

  @ParameterizedTest
  @EnumSource
  void anExpectedRiskAsksForMore(Method method) {
    double delta = 0.1;
    double risk = 0.05;
    Planner hopeful = new Planner(method, delta, 1);
    Planner planner = new Planner(method, Fwer.FIXED_SEQUENCE, delta, 2, 1, risk);
    assertThat(planner.epsilonMin(200)).isGreaterThan(hopeful.epsilonMin(200));
    assertThat(planner.samplesNeeded(0.1).orElseThrow())
        .isGreaterThanOrEqualTo(hopeful.samplesNeeded(0.1).orElseThrow());
    assertThat(planner.samplesNeeded(0.04)).isEmpty();
    // The table it imagines is certified.
    double[][] losses = new double[2][200];
    for (int i = 0; i < 200; i += 20) {
      losses[1][i] = 1;
    }
    double epsilon = planner.epsilonMin(200) + 1e-9;
    LossTable table = new LossTable(new double[] {1, 0}, losses, 1);
    assertThat(Calibrator.calibrate(table, new Settings(method, epsilon, delta)).rowIndex())
        .isOne();
    assertThat(Calibrator.calibrate(table, new Settings(method, epsilon - 1e-6, delta)).fallback())
        .isTrue();
  }

  /** Also where the least epsilon is met exactly: upper bounds must stay below it. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NAIVE")
  void levelsThatAreMetExactly(Method method) {
    for (double epsilon : new double[] {0.9, 0.5, 0.25, 0.2, 0.1, 0.05, 0.02, 0.004}) {
      int needed = new Planner(method, 0.1, 1).samplesNeeded(epsilon).orElseThrow();
      Settings settings = new Settings(method, epsilon, 0.1);
      assertThat(Calibrator.calibrate(lossless(2, needed), settings).rowIndex())
          .as("epsilon %s, %d samples", epsilon, needed)
          .isOne();
      assertThat(needed == 1 || Calibrator.calibrate(lossless(2, needed - 1), settings).fallback())
          .as("epsilon %s, %d samples", epsilon, needed - 1)
          .isTrue();
    }
    assertThat(new Planner(Method.UCB_HB, 0.1, 1).samplesNeeded(0.9)).hasValue(2);
    int needed = new Planner(Method.CRC, 0.1, 1).samplesNeeded(0.0004).orElseThrow();
    assertThat(
            Calibrator.calibrate(lossless(2, needed), new Settings(Method.CRC, 0.0004, 0.1))
                .rowIndex())
        .isOne();
    for (int n = 1; n < 400; n++) {
      double epsilon = new Planner(Method.CRC, 0.1, 1).epsilonMin(n);
      Settings settings = new Settings(Method.CRC, epsilon, 0.1);
      assertThat(Calibrator.calibrate(lossless(2, n), settings).rowIndex()).as("n = %d", n).isOne();
    }
  }

  /** Seven losses of a hundred are 7, though 100 * 0.07 is above 7 in doubles. */
  @Test
  void theLossesExpectedAreCountedAsOnPaper() {
    for (int percent = 1; percent < 100; percent++) {
      double risk = percent / 100.0;
      double[] losses = new double[100];
      Arrays.fill(losses, 0, percent, 1);
      assertThat(
              new Planner(Method.LTT_BINOMIAL, Fwer.FIXED_SEQUENCE, 0.1, 2, 1, risk)
                  .epsilonMin(100))
          .as("%d %%", percent)
          .isEqualTo(Tail.BINOMIAL.upperBound(losses, 1, 0.1));
    }
  }

  @Test
  void theExpectedRiskIsInTheUnitOfTheBound() {
    for (Method method : new Method[] {Method.LTT_BINOMIAL, Method.UCB_HOEFFDING, Method.CRC}) {
      Planner one = new Planner(method, Fwer.FIXED_SEQUENCE, 0.1, 2, 1, 0.1);
      Planner two = new Planner(method, Fwer.FIXED_SEQUENCE, 0.1, 2, 2, 0.2);
      assertThat(two.epsilonMin(100)).isCloseTo(2 * one.epsilonMin(100), within(1e-12));
    }
  }

  /** A grid of never exit alone has nothing to share delta with; a risk may be at its bound. */
  @Test
  void theLeastAndTheMostThatMayBeAsked() {
    assertThat(new Planner(Method.LTT_HB, Fwer.HOLM, 0.1, 1, 1, 0).epsilonMin(100))
        .isEqualTo(new Planner(Method.LTT_HB, Fwer.HOLM, 0.1, 2, 1, 0).epsilonMin(100));
    assertThat(new Planner(Method.NAIVE, Fwer.FIXED_SEQUENCE, 0.1, 2, 2, 2).epsilonMin(1))
        .isEqualTo(2);
  }

  @Test
  void someLevelsAreOutOfReach() {
    assertThat(new Planner(Method.LTT_HB, 0.1, 1).samplesNeeded(1e-9)).isEmpty();
    assertThat(new Planner(Method.LTT_HB, 0.1, 1).shortfall(1e-9, 10).orElseThrow())
        .contains("more than 4194304 samples");
    assertThat(new Planner(Method.LTT_HB, 0.1, 1).samplesNeeded(0)).isEmpty();
    assertThat(new Planner(Method.LTT_HB, 0.1, 1).shortfall(0.01, 10).orElseThrow())
        .endsWith("or a larger epsilon or delta");
    assertThat(new Planner(Method.CRC, 0.1, 1).shortfall(0.01, 10).orElseThrow())
        .doesNotContain("delta");
  }

  @Test
  void badInput() {
    assertBad(() -> new Planner(Method.LTT_HB, 1, 1).epsilonMin(5), "delta 1.0");
    for (double bound : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertBad(() -> new Planner(Method.NAIVE, 0.1, bound), "loss bound " + bound);
    }
    for (Method method : Method.values()) {
      assertBad(() -> new Planner(method, 0.1, 1).epsilonMin(0), "at least 1 sample");
    }
    assertBad(() -> new Planner(Method.CRC, Fwer.HOLM, 0.1, 5, 1, 0), "fwer holm");
    assertBad(() -> new Planner(Method.CRC, Fwer.FIXED_SEQUENCE, 0.1, 0, 1, 0), "1 row");
    for (double risk : new double[] {-1, 2, Double.NaN}) {
      assertBad(
          () -> new Planner(Method.CRC, Fwer.FIXED_SEQUENCE, 0.1, 5, 1, risk), "risk " + risk);
    }
    assertBad(() -> new Planner(Method.CRC, 0.1, 1).samplesNeeded(Double.NaN), "epsilon NaN");
  }

  private static void assertBad(Runnable call, String message) {
    assertThatThrownBy(call::run)
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining(message);
  }
}
