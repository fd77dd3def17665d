package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ArrivalsTest {
  private static final int REQUESTS = 40_000;

  /** Of an exponential distribution: mean and standard deviation are both 1 / rate. */
  @Test
  void gapsAreExponential() {
    for (double rate : new double[] {3, 800}) {
      long[] nanos = Arrivals.nanos(rate, REQUESTS, 5);
      double[] gaps = new double[REQUESTS];
      for (int i = 0; i < REQUESTS; i++) {
        gaps[i] = (nanos[i] - (i == 0 ? 0 : nanos[i - 1])) / 1e9 * rate;
      }
      double mean = Arrays.stream(gaps).average().orElseThrow();
      double variance = Arrays.stream(gaps).map(g -> (g - mean) * (g - mean)).sum() / REQUESTS;
      assertThat(Arrays.stream(gaps).min().orElseThrow()).isNotNegative();
      // Four standard errors of 40,000 gaps.
      assertThat(mean).isCloseTo(1, within(0.02));
      assertThat(variance).isCloseTo(1, within(0.06));
      double aboveTwo = (double) Arrays.stream(gaps).filter(gap -> gap > 2).count() / REQUESTS;
      assertThat(aboveTwo).isCloseTo(Math.exp(-2), within(0.007));
    }
  }

  @Test
  void theSeedDecides() {
    assertThat(Arrivals.nanos(50, 100, 1)).isEqualTo(Arrivals.nanos(50, 100, 1));
    assertThat(Arrivals.nanos(50, 100, 1)).isNotEqualTo(Arrivals.nanos(50, 100, 2));
    long[] slow = Arrivals.nanos(50, 100, 1);
    long[] fast = Arrivals.nanos(100, 100, 1);
    for (int i = 0; i < 100; i++) {
      assertThat(slow[i] - 2 * fast[i]).isBetween(-2L, 2L);
    }
  }

  @Test
  void nobodyIsEarly() {
    for (long nanos : new long[] {-1, 0, 10_000, 2_000_000}) {
      long at = System.nanoTime() + nanos;
      Arrivals.await(at);
      assertThat(System.nanoTime() - at).isNotNegative();
    }
  }
}
