package dev.offramp.calibrate.bound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.SplittableRandom;
import org.apache.commons.math3.special.Beta;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class BinomialTest {
  private static final Percentage TIGHT = Percentage.withPercentage(1e-10);

  /** P(Bin(n, p) <= k) term by term in 60 digits. */
  private static BigDecimal cumulative(int k, int n, double alpha) {
    MathContext digits = new MathContext(60);
    BigDecimal p = new BigDecimal(alpha);
    BigDecimal q = BigDecimal.ONE.subtract(p);
    BigDecimal term = q.pow(n, digits);
    BigDecimal sum = term;
    for (int j = 1; j <= k; j++) {
      term =
          term.multiply(p.multiply(BigDecimal.valueOf(n - j + 1)), digits)
              .divide(q.multiply(BigDecimal.valueOf(j)), digits);
      sum = sum.add(term);
    }
    return sum;
  }

  @Test
  void agreesWithSixtyDigits() {
    SplittableRandom random = new SplittableRandom(21);
    for (int trial = 0; trial < 400; trial++) {
      int n = 1 + random.nextInt(trial % 2 == 0 ? 10 : 300);
      int k = random.nextInt(n);
      double alpha = Math.pow(random.nextDouble(0.001, 1), 1 + random.nextInt(6));
      BigDecimal expected = cumulative(k, n, alpha);
      assertThat(Binomial.pValue(k, n, alpha))
          .as("k %d, n %d, alpha %s", k, n, alpha)
          .isCloseTo(expected.doubleValue(), within(1e-11 * expected.doubleValue()));
    }
  }

  @Test
  void theBoundIsTheLevelAtWhichThePValueIsDelta() {
    SplittableRandom random = new SplittableRandom(22);
    for (int trial = 0; trial < 300; trial++) {
      int n = 1 + random.nextInt(200);
      int k = random.nextInt(n);
      double delta = Math.pow(10, -random.nextDouble(0.01, 9));
      double upper = Binomial.upperBound(k, n, delta);
      assertThat(cumulative(k, n, upper - 2e-12).doubleValue())
          .as("k %d, n %d, delta %s, bound %s", k, n, delta, upper)
          .isGreaterThan(delta);
      assertThat(cumulative(k, n, upper + 2e-12).doubleValue())
          .as("k %d, n %d, delta %s, bound %s", k, n, delta, upper)
          .isLessThan(delta);
    }
  }

  @Test
  void closedForms() {
    assertThat(Binomial.upperBound(0, 100, 0.1)).isCloseTo(1 - Math.pow(0.1, 0.01), within(1e-13));
    assertThat(Binomial.upperBound(0, 1, 0.3)).isCloseTo(0.7, within(1e-12));
    assertThat(Binomial.upperBound(9, 10, 0.1)).isCloseTo(Math.pow(0.9, 0.1), within(1e-12));
    // Failure more likely than not: the bound is below the mean.
    assertThat(Binomial.upperBound(1, 2, 0.96)).isCloseTo(0.2, within(1e-12));
    assertThat(Binomial.upperBound(7, 7, 0.1)).isOne();
    assertThat(Binomial.upperBound(0, 1, 1e-300)).isOne();
    assertThat(Binomial.upperBound(0, 10, 1e-300)).isCloseTo(1 - 1e-30, within(1e-15));
  }

  @Test
  void extremes() {
    assertThat(Binomial.pValue(0, 10, 0)).isOne();
    assertThat(Binomial.pValue(0, 10, -1)).isOne();
    assertThat(Binomial.pValue(9, 10, 1)).isZero();
    assertThat(Binomial.pValue(9, 10, 1.5)).isZero();
    assertThat(Binomial.pValue(10, 10, 1)).isOne();
    assertThat(Binomial.pValue(10, 10, 0.2)).isOne();
    assertThat(Binomial.logPValue(0, 1, 1e-20)).isCloseTo(-1e-20, TIGHT);
    assertThat(Binomial.logPValue(0, 1_000, 1 - 1e-15))
        .isCloseTo(1_000 * Math.log(1 - (1 - 1e-15)), TIGHT);
  }

  @Test
  void manySamples() {
    int n = Integer.MAX_VALUE;
    assertThat(Binomial.logPValue(0, n, 0.5)).isCloseTo(n * -Math.log(2), TIGHT);
    assertThat(Binomial.upperBound(0, n, 0.1)).isCloseTo(Math.log(10) / n, within(1e-17));
    // Around the mean the distribution is all but normal.
    double upper = Binomial.upperBound(n / 10, n, 0.1);
    assertThat(upper).isCloseTo(0.1 + 1.2815516 * Math.sqrt(0.09 / n), within(1e-9));
    for (double alpha : new double[] {0.2995, 0.2999, 0.3, 0.3001, 0.3003}) {
      assertThat(Binomial.pValue(3_000_000, 10_000_000, alpha))
          .isCloseTo(
              Beta.regularizedBeta(1 - alpha, 7_000_000, 3_000_001.0),
              Percentage.withPercentage(1e-6));
    }
  }

  @Test
  void badInput() {
    assertThatThrownBy(() -> Binomial.pValue(0, 0, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("at least 1 sample");
    assertThatThrownBy(() -> Binomial.pValue(-1, 5, 0.1)).isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Binomial.pValue(6, 5, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("6 of 5");
    assertThatThrownBy(() -> Binomial.pValue(1, 5, Double.NaN))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Binomial.upperBound(6, 5, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("6 of 5");
    assertThatThrownBy(() -> Binomial.upperBound(1, 5, 0))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("delta");
  }
}
