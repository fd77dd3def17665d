package dev.offramp.calibrate.bound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class BettingTest {
  /** K as the formula is written, in logarithms. */
  private record Reference(double[] x, double[] stakes) {
    static Reference of(double[] x, double bound, double delta) {
      int n = x.length;
      double[] stakes = new double[n];
      double squares = 0.25;
      for (int i = 1; i <= n; i++) {
        double variance = squares / i;
        stakes[i - 1] = Math.min(1 / bound, Math.sqrt(2 * Math.log(1 / delta) / (n * variance)));
        double mean = (0.5 + Arrays.stream(x, 0, i).sum()) / (i + 1);
        squares += Math.pow(x[i - 1] - mean, 2);
      }
      return new Reference(x, stakes);
    }

    double logWealth(double risk) {
      double max = Double.NEGATIVE_INFINITY;
      double log = 0;
      for (int i = 0; i < x.length; i++) {
        log += Math.log(1 - stakes[i] * (x[i] - risk));
        max = Math.max(max, log);
      }
      return max;
    }
  }

  private static double bisect(double bound, double level, DoubleUnaryOperator increasing) {
    double low = 0;
    double high = bound;
    for (int step = 0; step < 100; step++) {
      double middle = (low + high) / 2;
      if (increasing.applyAsDouble(middle) <= level) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  private static double[] losses(SplittableRandom random, int n, double bound) {
    double scale = random.nextDouble();
    return switch (random.nextInt(4)) {
      case 0 -> random.doubles(n).map(u -> u < scale ? bound : 0).toArray();
      case 1 -> random.doubles(n).map(u -> u < scale / 4 ? bound : u < 0.3 ? -bound : 0).toArray();
      case 2 -> random.doubles(n).map(u -> bound * (1.2 * u - 0.2) * scale).toArray();
      default -> random.doubles(n).map(u -> bound * Math.pow(u, 5)).toArray();
    };
  }

  @Test
  void agreesWithTheFormula() {
    SplittableRandom random = new SplittableRandom(11);
    for (int trial = 0; trial < 400; trial++) {
      int n = 1 + random.nextInt(trial % 2 == 0 ? 8 : 150);
      double bound = new double[] {1, 2, 0.3, 7}[random.nextInt(4)];
      double delta = Math.pow(10, -random.nextDouble(0.1, 8));
      double[] x = losses(random, n, bound);
      String name = "bound " + bound + ", delta " + delta + ", losses " + Arrays.toString(x);
      Reference reference = Reference.of(x, bound, delta);
      for (double alpha : new double[] {0.01 * bound, 0.2 * bound, bound}) {
        double p = Math.min(1, Math.exp(-reference.logWealth(alpha)));
        assertThat(Betting.pValue(x, bound, delta, alpha)).as(name).isCloseTo(p, within(1e-9 * p));
      }
      double upper = bisect(bound, -Math.log(delta), reference::logWealth);
      assertThat(Betting.upperBound(x, bound, delta)).as(name).isCloseTo(upper, within(1e-9));
    }
  }

  @Test
  void pValueIsBelowDeltaExactlyWhereTheBoundIsBelowAlpha() {
    SplittableRandom random = new SplittableRandom(12);
    for (int trial = 0; trial < 300; trial++) {
      double[] x = losses(random, 1 + random.nextInt(300), 1);
      double upper = Betting.upperBound(x, 1, 0.1);
      if (upper > 0 && upper < 1) {
        assertThat(Betting.pValue(x, 1, 0.1, upper - 1e-9)).isGreaterThanOrEqualTo(0.1);
        assertThat(Betting.pValue(x, 1, 0.1, upper + 1e-9)).isLessThan(0.1);
      }
    }
  }

  /**
   * The guarantee without chance: over all 2^n outcomes of n losses that are 1 with probability q,
   * the probability of those whose bound is below q.
   */
  @Test
  void failsWithProbabilityAtMostDelta() {
    int n = 12;
    double[][] outcomes =
        IntStream.range(0, 1 << n)
            .mapToObj(bits -> IntStream.range(0, n).mapToDouble(i -> bits >> i & 1).toArray())
            .toArray(double[][]::new);
    for (double delta : new double[] {0.05, 0.2, 0.5}) {
      double[] bounds =
          Arrays.stream(outcomes).mapToDouble(x -> Betting.upperBound(x, 1, delta)).toArray();
      double largest = 0;
      for (double q = 0.02; q < 1; q += 0.02) {
        double failure = 0;
        for (int o = 0; o < bounds.length; o++) {
          int ones = Integer.bitCount(o);
          failure += bounds[o] < q ? Math.pow(q, ones) * Math.pow(1 - q, n - ones) : 0;
        }
        assertThat(failure).as("q %s, delta %s", q, delta).isLessThanOrEqualTo(delta);
        largest = Math.max(largest, failure);
      }
      // A bound that never failed would be a useless one.
      assertThat(largest).isGreaterThan(delta / 4);
    }
  }

  @Test
  void losslessSamplesGiveTheKnownBound() {
    assertThat(Betting.upperBound(new double[100], 1, 0.1)).isCloseTo(0.02380, within(5e-6));
    assertThat(Betting.upperBound(new double[100], 1, 0.05)).isCloseTo(0.03086, within(5e-6));
  }

  @Test
  void oneSample() {
    // The only stake is min(1, sqrt(8 ln 2)) = 1: K(R) = 1 - x + R.
    assertThat(Betting.pValue(new double[] {0.25}, 1, 0.5, 0.5)).isEqualTo(0.8);
    assertThat(Betting.pValue(new double[] {-0.25}, 1, 0.5, 0)).isEqualTo(0.8);
    assertThat(Betting.pValue(new double[] {-0.25}, 1, 0.5, -0.1)).as("no such risk").isOne();
    assertThat(Betting.upperBound(new double[] {-0.25}, 1, 0.5)).isCloseTo(0.75, within(1e-12));
    assertThat(Betting.upperBound(new double[] {0}, 1, 0.5)).isOne();
    assertThat(Betting.upperBound(new double[] {1}, 1, 0.5)).isOne();
    assertThat(Betting.upperBound(new double[] {-1.5}, 1, 0.5)).isZero();
  }

  @Test
  void aFirstLossAtTheBoundRuinsTheGamblerAtRiskZero() {
    double[] x = new double[200];
    x[0] = 2;
    assertThat(Betting.pValue(x, 2, 0.1, 0)).isOne();
    double upper = bisect(2, Math.log(10), Reference.of(x, 2, 0.1)::logWealth);
    assertThat(Betting.upperBound(x, 2, 0.1)).isCloseTo(upper, within(1e-10)).isBetween(0.01, 0.5);
  }

  @Test
  void tinyDelta() {
    double[] x = new double[5_000];
    Arrays.fill(x, 0, 40, 1);
    double upper = bisect(1, 300 * Math.log(10), Reference.of(x, 1, 1e-300)::logWealth);
    assertThat(Betting.upperBound(x, 1, 1e-300)).isCloseTo(upper, within(1e-9)).isLessThan(0.3);
    assertThat(Betting.upperBound(new double[100], 1, Double.MIN_VALUE)).isOne();
    assertThat(Betting.logPValue(new double[1_000_000], 1, 1e-300, 0.5)).isLessThan(-7_000);
  }

  /** So small a delta keeps all stakes at 1: a loss of 1 halves, one of 0 adds a half. */
  @Test
  void wealthBeyondTheRangeOfDoubles() {
    double[] x = new double[3_600];
    assertThat(Betting.logPValue(x, 1, 1e-300, 0.5))
        .isCloseTo(-3_600 * Math.log(1.5), within(1e-8));
    Arrays.fill(x, 0, 1_100, 1);
    assertThat(Betting.logPValue(x, 1, 1e-300, 0.5))
        .as("nearly ruined, then rich")
        .isCloseTo(1_100 * Math.log(2) - 2_500 * Math.log(1.5), within(1e-8));
  }

  @Test
  void millionsOfSamples() {
    double[] x = new SplittableRandom(13).doubles(3_000_000).map(u -> u < 0.1 ? 1 : 0).toArray();
    double mean = Arrays.stream(x).average().orElseThrow();
    assertThat(Betting.upperBound(x, 1, 0.05)).isBetween(mean, mean + 0.0006);
    assertThat(Betting.logPValue(x, 1, 0.05, 0.11)).isLessThan(-50).isGreaterThan(-5_000);
  }

  @Test
  void lossesFarBelowZero() {
    double[] x = new double[50];
    Arrays.fill(x, -1e308);
    assertThat(Betting.upperBound(x, 1, 0.1)).isZero();
    assertThat(Betting.pValue(x, 1, 0.1, 0.01)).isBetween(0.0, 1e-100);
  }

  @Test
  void unitOfTheLossesCancelsOnceStakesAreAtTheirCap() {
    double[] x = {0, 0.5, 0, 0};
    double[] doubled = {0, 1, 0, 0};
    assertThat(Betting.pValue(doubled, 2, 1e-4, 0.2))
        .isCloseTo(Betting.pValue(x, 1, 1e-4, 0.1), Percentage.withPercentage(1e-12));
  }

  @Test
  void badInput() {
    double[] x = {0, 0.5};
    assertThatThrownBy(() -> Betting.upperBound(new double[0], 1, 0.1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("at least 1 sample");
    for (double bad : new double[] {1.5, Double.NaN, Double.NEGATIVE_INFINITY}) {
      assertThatThrownBy(() -> Betting.pValue(new double[] {0, bad}, 1, 0.1, 0.1))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("of sample 1 is not a number up to the bound 1.0");
    }
    for (double bad : new double[] {0, 1, -1, Double.NaN}) {
      assertThatThrownBy(() -> Betting.upperBound(x, 1, bad))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("delta");
    }
    for (double bad : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> Betting.upperBound(x, bad, 0.1))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("loss bound");
    }
    assertThatThrownBy(() -> Betting.pValue(x, 1, 0.1, Double.NaN))
        .isInstanceOf(CalibrationException.class);
    assertThat(Betting.pValue(x, 1, 0.1, -0.1)).isOne();
  }

  /** That must not keep the bound from being one. */
  @Test
  void lossesWhoseSumsOverflow() {
    for (double far : new double[] {-1e150, -1e308, -Double.MAX_VALUE}) {
      for (double[] losses :
          new double[][] {{1, far, far}, {far, 1, 1}, {far, far, far}, {0, far, 0, 1}}) {
        assertThat(Betting.upperBound(losses, 1, 0.1)).as("%s", far).isBetween(0.0, 1.0);
        assertThat(Betting.pValue(losses, 1, 0.1, 0.3)).as("%s", far).isBetween(0.0, 1.0);
      }
    }
  }
}
