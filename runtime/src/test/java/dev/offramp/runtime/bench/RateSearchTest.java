package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.bench.OpenLoop.Probe;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On a service that is computed, not timed: one row after the other, each in 10 ms. */
class RateSearchTest {
  private static final double SERVICE_MILLIS = 10;
  private static final double CAPACITY = 1e3 / SERVICE_MILLIS;
  private static final int REQUESTS = 20_000;

  private final List<Double> tried = new ArrayList<>();

  private Probe load(double rate, double limitMillis) {
    tried.add(rate);
    long[] due = Arrivals.nanos(rate, REQUESTS, 11);
    double[] millis = new double[REQUESTS];
    double free = 0;
    for (int i = 0; i < REQUESTS; i++) {
      free = Math.max(free, due[i] / 1e6) + SERVICE_MILLIS;
      millis[i] = free - due[i] / 1e6;
    }
    double[] sorted = Quantiles.sorted(millis);
    return new Probe(rate, Quantiles.of(sorted, 0.99) <= limitMillis, sorted, 0, HeapUse.NONE);
  }

  @ParameterizedTest
  @ValueSource(doubles = {12, 70, 90, 100, 110, 900})
  void theLargestRateIsFoundFromAnyStart(double start) {
    double rate = RateSearch.search(start, 1.25, r -> load(r, 100)).map(Probe::rate).orElseThrow();
    assertThat(tried).hasSizeLessThan(36);
    assertThat(load(rate, 100).withinLimit()).isTrue();
    assertThat(load(rate * RateSearch.PRECISION, 100).withinLimit()).isFalse();
    // A queue with one server, Poisson arrivals and constant service: 99 % within 100 ms up to a
    // load of four fifths or so.
    assertThat(rate).isBetween(0.7 * CAPACITY, 0.9 * CAPACITY);
  }

  /** One failure of a rate may be the machine's; the second is the service's. */
  @Test
  void aRateFailsOnlyTwice() {
    double undisturbed = RateSearch.search(60, 1.25, r -> load(r, 100)).orElseThrow().rate();
    Set<Double> met = new HashSet<>();
    double disturbed =
        RateSearch.search(
                60,
                1.25,
                r -> {
                  Probe probe = load(r, 100);
                  return met.add(r) ? new Probe(r, false, probe.millis(), 0, HeapUse.NONE) : probe;
                })
            .orElseThrow()
            .rate();
    assertThat(disturbed).isEqualTo(undisturbed);
  }

  @Test
  void aLooserLimitAllowsMore() {
    double tight = RateSearch.search(80, 1.25, r -> load(r, 30)).orElseThrow().rate();
    double loose = RateSearch.search(80, 1.25, r -> load(r, 300)).orElseThrow().rate();
    assertThat(loose).isGreaterThan(1.2 * tight).isLessThan(CAPACITY);
  }

  @Test
  void noRateIsFoundWhereTheServiceItselfIsTooSlow() {
    assertThat(RateSearch.search(100, 1.25, r -> load(r, SERVICE_MILLIS / 2)))
        .isEqualTo(Optional.empty());
    assertThat(tried).hasSizeLessThan(36).isSortedAccordingTo((a, b) -> Double.compare(b, a));
  }

  @Test
  void theSearchEndsWhereNothingFails() {
    assertThat(RateSearch.search(100, 2, r -> load(r, 1e9)).orElseThrow().rate()).isEqualTo(1600);
  }
}
