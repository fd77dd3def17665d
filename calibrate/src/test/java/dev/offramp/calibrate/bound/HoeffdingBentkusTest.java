package dev.offramp.calibrate.bound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.util.SplittableRandom;
import org.apache.commons.math3.special.Beta;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class HoeffdingBentkusTest {
  private static final Percentage TIGHT = Percentage.withPercentage(1e-10);

  /** Subnormal numbers have few digits. */
  private static final double SUBNORMAL = 1e-318;

  @Test
  void zeroLossGivesOneMinusEpsilonToTheN() {
    assertThat(HoeffdingBentkus.pValue(0, 1, 0.25)).isCloseTo(0.75, TIGHT);
    assertThat(HoeffdingBentkus.pValue(0, 100, 0.1)).isCloseTo(Math.pow(0.9, 100), TIGHT);
    assertThat(HoeffdingBentkus.pValue(1e-20, 100, 0.1)).isCloseTo(Math.pow(0.9, 100), TIGHT);
  }

  @Test
  void theSmallerHalfDecides() {
    // n = 20, S = 1, epsilon = 1/2: P(Bin <= 1) = 21 / 2^20, times e, is 5.44e-5; Hoeffding gives
    // exp(-20 (0.05 ln 0.1 + 0.95 ln 1.9)) = 10 / 1.9^19 = 5.05e-5, the smaller.
    assertThat(HoeffdingBentkus.pValue(1, 20, 0.5)).isCloseTo(10 / Math.pow(1.9, 19), TIGHT);
    // n = 4, S = 1, epsilon = 1/2: Hoeffding 2 (2/3)^3 = 16/27, Bentkus e 5/16 > 16/27.
    assertThat(HoeffdingBentkus.pValue(1, 4, 0.5)).isCloseTo(16.0 / 27, TIGHT);
    // n = 100, S = 5, epsilon = 0.1: P(Bin <= 5) from its six terms.
    double tail = 0;
    double term = Math.pow(0.9, 100);
    for (int j = 0; j <= 5; j++) {
      tail += term;
      term *= (100 - j) / (j + 1.0) / 9;
    }
    assertThat(HoeffdingBentkus.pValue(5, 100, 0.1)).isCloseTo(Math.E * tail, TIGHT);
  }

  @Test
  void sumRoundingDoesNotReachTheNextInteger() {
    double sum = 0;
    for (int i = 0; i < 70; i++) {
      sum += 0.1;
    }
    assertThat(sum).isGreaterThan(7 - 1e-12).isNotEqualTo(7);
    assertThat(HoeffdingBentkus.pValue(Math.nextUp(7.0), 100, 0.2))
        .isCloseTo(HoeffdingBentkus.pValue(7, 100, 0.2), TIGHT);
  }

  @Test
  void extremes() {
    assertThat(HoeffdingBentkus.pValue(0, 10, 0)).isOne();
    assertThat(HoeffdingBentkus.pValue(0, 10, -1)).isOne();
    assertThat(HoeffdingBentkus.pValue(10, 10, 1)).isZero();
    assertThat(HoeffdingBentkus.pValue(10, 10, 0.5)).isOne();
    assertThat(HoeffdingBentkus.pValue(5, 10, 0.5)).isOne();
    assertThat(HoeffdingBentkus.logPValue(0, 100_000, 0.5))
        .isCloseTo(-100_000 * Math.log(2), TIGHT);
  }

  @Test
  void agreesWithTheIncompleteBetaFunction() {
    // P(Bin(n, e) <= k) = I_{1-e}(n - k, k + 1), an independent way to the Bentkus half.
    for (int n : new int[] {10, 100, 1_000, 10_000}) {
      for (double epsilon : new double[] {0.003, 0.05, 0.3, 0.7}) {
        for (int k = 0; k < n * epsilon; k += Math.max(1, n / 50)) {
          double bentkus = Math.E * Beta.regularizedBeta(1 - epsilon, n - k, k + 1.0);
          double r = k / (double) n;
          double left = k == 0 ? 0 : r * Math.log(r / epsilon);
          double hoeffding = Math.exp(-n * (left + (1 - r) * Math.log((1 - r) / (1 - epsilon))));
          double expected = Math.min(1, Math.min(bentkus, hoeffding));
          assertThat(HoeffdingBentkus.pValue(k, n, epsilon))
              .as("n %d, k %d, epsilon %s", n, k, epsilon)
              .isCloseTo(expected, within(1e-10 * expected + SUBNORMAL));
        }
      }
    }
  }

  @Test
  void theBoundIsTheLevelAtWhichThePValueIsDelta() {
    SplittableRandom random = new SplittableRandom(31);
    for (int trial = 0; trial < 300; trial++) {
      int n = 1 + random.nextInt(500);
      double sum = n * Math.pow(random.nextDouble(), 3);
      double delta = Math.pow(10, -random.nextDouble(0.01, 9));
      double upper = HoeffdingBentkus.upperBound(sum, n, delta);
      assertThat(HoeffdingBentkus.pValue(sum, n, upper - 2e-12))
          .as("sum %s, n %d, delta %s, bound %s", sum, n, delta, upper)
          .isGreaterThanOrEqualTo(delta);
      assertThat(HoeffdingBentkus.pValue(sum, n, upper + 2e-12))
          .as("sum %s, n %d, delta %s, bound %s", sum, n, delta, upper)
          .isLessThan(delta);
    }
  }

  @Test
  void boundsOfExtremes() {
    assertThat(HoeffdingBentkus.upperBound(0, 100, 0.1))
        .isCloseTo(1 - Math.pow(0.1, 0.01), within(1e-13));
    assertThat(HoeffdingBentkus.upperBound(5, 100, 0.1)).isCloseTo(0.10703, within(5e-6));
    assertThat(HoeffdingBentkus.upperBound(0, 1, 0.3)).isCloseTo(0.7, within(1e-12));
    assertThat(HoeffdingBentkus.upperBound(0, 1, 1e-300)).isOne();
    assertThat(HoeffdingBentkus.upperBound(1, 1, 0.5)).isOne();
    assertThat(HoeffdingBentkus.upperBound(6.999, 7, 0.1)).isBetween(0.9998, 1.0);
    assertThat(HoeffdingBentkus.upperBound(0, Integer.MAX_VALUE, 0.1))
        .isCloseTo(Math.log(10) / Integer.MAX_VALUE, within(1e-17));
    // Levels close to the mean must not drown in cancellation: ln p = -n d^2 / (2 r (1 - r)).
    assertThat(HoeffdingBentkus.logPValue(5e8, 1_000_000_000, 0.5 + 3e-6))
        .isCloseTo(-0.018, within(1e-11));
  }

  @Test
  void badInput() {
    assertThatThrownBy(() -> HoeffdingBentkus.upperBound(5.1, 5, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("5.1");
    assertThatThrownBy(() -> HoeffdingBentkus.upperBound(1, 5, 1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("delta");
    assertThatThrownBy(() -> HoeffdingBentkus.pValue(0, 0, 0.1))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> HoeffdingBentkus.pValue(-0.1, 5, 0.1))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> HoeffdingBentkus.pValue(5.1, 5, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("5.1");
    assertThatThrownBy(() -> HoeffdingBentkus.pValue(Double.NaN, 5, 0.1))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> HoeffdingBentkus.pValue(1, 5, Double.NaN))
        .isInstanceOf(CalibrationException.class);
  }
}
