package dev.offramp.calibrate.monitor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The bounds by simulation, at many times; the same check must catch a bound for one time. */
class RunningRiskTest {
  private static final double DELTA = 0.1;
  private static final int STREAMS = 600;
  private static final int LENGTH = 3_000;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  private final SplittableRandom random = new SplittableRandom(seed);

  RunningRiskTest() {
    System.out.println("RunningRiskTest: offramp.seed=" + seed);
  }

  /** Losses of low or high with a given expectation at each time, as share of the range. */
  private enum Means {
    STEADY(0, 1, t -> 0.03),
    LARGE(0, 2, t -> 0.7),
    STEP(0, 1, t -> t <= 500 ? 0.01 : 0.4),
    WAVES(-2, 2, t -> 0.2 + 0.15 * Math.sin(t / 100.0));

    private final double low;
    private final double high;
    private final IntToDoubleFunction mean;

    Means(double low, double high, IntToDoubleFunction mean) {
      this.low = low;
      this.high = high;
      this.mean = mean;
    }
  }

  /** Lower and upper bound. */
  private record Bounds(double lower, double upper) {
    static Bounds of(RunningRisk risk) {
      return new Bounds(risk.lower(), risk.upper());
    }

    /** The usual interval of a mean of losses of 0 or 1, valid at one time only. */
    static Bounds ofOneTime(RunningRisk risk) {
      double mean = risk.mean();
      double radius = 1.645 * Math.sqrt(mean * (1 - mean) / risk.count());
      return new Bounds(mean - radius, mean + radius);
    }
  }

  /** Share of streams in which a bound fails at some time. */
  private double misses(Means means, int from, Function<RunningRisk, Bounds> bounds) {
    int misses = 0;
    for (int stream = 0; stream < STREAMS; stream++) {
      RunningRisk risk = new RunningRisk(means.low, means.high, DELTA);
      double expected = 0;
      int next = from;
      for (int t = 1; t <= LENGTH; t++) {
        double mean = means.mean.applyAsDouble(t);
        risk.observe(random.nextDouble() < mean ? means.high : means.low);
        expected += means.low + mean * (means.high - means.low);
        if (t >= next) {
          Bounds now = bounds.apply(risk);
          if (!(now.lower <= expected / t + 1e-12 && now.upper >= expected / t - 1e-12)) {
            misses++;
            break;
          }
          next = Math.max(t + 1, t * 51 / 50);
        }
      }
    }
    return (double) misses / STREAMS;
  }

  private static boolean keepsPromise(double misses) {
    return misses <= DELTA + 3 * Math.sqrt(DELTA * (1 - DELTA) / STREAMS);
  }

  @ParameterizedTest
  @EnumSource
  void boundsHoldAtAllTimes(Means means) {
    double misses = misses(means, 1, Bounds::of);
    System.out.printf("bounds failed, %s: %.4f of %d streams%n", means, misses, STREAMS);
    assertThat(keepsPromise(misses)).as("%s: %s, offramp.seed=%d", means, misses, seed).isTrue();
  }

  @Test
  void aBoundForOneTimeIsFoundOut() {
    double misses = misses(Means.STEADY, 500, Bounds::ofOneTime);
    System.out.printf("bounds for one time failed: %.4f of %d streams%n", misses, STREAMS);
    assertThat(keepsPromise(misses)).as("%s, offramp.seed=%d", misses, seed).isFalse();
  }

  @Test
  void boundsAreThoseOfTheFormula() {
    for (int trial = 0; trial < 40; trial++) {
      double low = random.nextDouble(-2, 1);
      double high = low + random.nextDouble(0.1, 4);
      double delta = Math.pow(10, -random.nextDouble(0.5, 6));
      double scale = random.nextDouble();
      int n = 1 + random.nextInt(trial % 2 == 0 ? 10 : 3_000);
      RunningRisk risk = new RunningRisk(low, high, delta);
      double sum = 0;
      double squares = 0;
      for (int i = 1; i <= n; i++) {
        double x = scale * random.nextDouble();
        risk.observe(low + (high - low) * x);
        squares += Math.pow(x - (0.5 + sum) / i, 2);
        sum += x;
      }
      double from = 0;
      double to = 1e7;
      for (int step = 0; step < 100; step++) {
        double middle = (from + to) / 2;
        double m = 0;
        for (int k = 0; k < 32; k++) {
          double l = Math.exp(Math.log(1e-4) + k * Math.log(0.9 / 1e-4) / 31);
          m += Math.exp(l * middle + (Math.log(1 - l) + l) * squares) / 32;
        }
        if (m < 2 / delta) {
          from = middle;
        } else {
          to = middle;
        }
      }
      double lower = Math.max(low, low + (high - low) * (sum - to) / n);
      double upper = Math.min(high, low + (high - low) * (sum + to) / n);
      String name = "n %d, delta %s, offramp.seed=%d".formatted(n, delta, seed);
      assertThat(risk.lower()).as(name).isCloseTo(lower, within(1e-9));
      assertThat(risk.upper()).as(name).isCloseTo(upper, within(1e-9));
      assertThat(risk.mean()).as(name).isCloseTo(low + (high - low) * sum / n, within(1e-9));
      assertThat(risk.count()).isEqualTo(n);
    }
  }

  @Test
  void boundsAreNarrowWhereLossesVaryLittle() {
    RunningRisk risk = new RunningRisk(0, 1, 0.05);
    for (int n = 1; n <= 10_000; n++) {
      risk.observe(random.nextDouble() < 0.03 ? 1 : 0);
      if (n == 100 || n == 1_000 || n == 10_000) {
        System.out.printf(
            "bounds at risk 0.03, %,d losses: [%.4f, %.4f]%n", n, risk.lower(), risk.upper());
      }
    }
    double radius = (risk.upper() - risk.lower()) / 2;
    double oneTime = 1.96 * Math.sqrt(0.03 * 0.97 / 10_000);
    double hoeffding = Math.sqrt(Math.log(2 / 0.05) / 20_000);
    assertThat(radius)
        .as("offramp.seed=%d", seed)
        .isGreaterThan(oneTime)
        .isLessThan(2.5 * oneTime)
        .isLessThan(0.6 * hoeffding);
  }

  @Test
  void startsKnowingNothing() {
    RunningRisk risk = new RunningRisk(-2, 2, 0.05);
    assertThat(risk.count()).isZero();
    assertThat(risk.mean()).isNaN();
    assertThat(Bounds.of(risk)).isEqualTo(new Bounds(-2, 2));
    risk.observe(2);
    assertThat(Bounds.of(risk)).isEqualTo(new Bounds(-2, 2));
    assertThat(risk.mean()).isEqualTo(2);
  }

  @Test
  void badArgumentsAreNamed() {
    assertThatThrownBy(() -> new RunningRisk(0, Double.POSITIVE_INFINITY, 0.05))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("from 0.0 to Infinity");
    assertThatThrownBy(() -> new RunningRisk(0, 1, 1.5))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("delta 1.5");
    RunningRisk risk = new RunningRisk(-2, 2, 0.05);
    risk.observe(-2 - 1e-9);
    for (double loss : new double[] {Double.NaN, 2.1, -2.1}) {
      assertThatThrownBy(() -> risk.observe(loss))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("loss " + loss)
          .hasMessageContaining("observation 2");
    }
    assertThat(risk.count()).isEqualTo(1);
    assertThat(risk.mean()).isEqualTo(-2);
  }

  @Test
  void tenMillionLossesTakeLessThanASecond() {
    RunningRisk risk = new RunningRisk(0, 1, 0.05);
    long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    for (int i = 0; i < 10_000_000; i++) {
      risk.observe(i % 25 == 0 ? 1 : 0);
      if (i % 10_000 == 0) {
        assertThat(risk.lower()).isLessThanOrEqualTo(risk.upper());
      }
    }
    long nanos = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
    System.out.printf("10,000,000 losses, bounds of each 10,000th, in %d ms%n", nanos / 1_000_000);
    assertThat(risk.mean()).isCloseTo(0.04, within(1e-12));
    assertThat(risk.upper() - risk.lower()).isBetween(1e-5, 1e-3);
    assertThat(nanos).isLessThan(1_000_000_000L);
  }
}
