package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.runtime.bench.Interleaved.Timing;
import org.junit.jupiter.api.Test;

class InterleavedTest {
  private static Timing timing(double... samplesPerSecond) {
    return new Timing("mode", samplesPerSecond, new double[] {1}, HeapUse.NONE, 1);
  }

  /** A machine that slows down between rounds moves the rates apart, the ratios stay. */
  @Test
  void theRatioIsOfRoundsAndSaysItsSpread() {
    Timing full = timing(100, 50, 75);
    Timing early = timing(280, 130, 225);
    assertThat(Interleaved.ratio(early, full)).isCloseTo(2.8, within(1e-12));
    assertThat(Interleaved.spread(early, full))
        .isEqualTo("median of the ratios within 3 rounds, 2.60 to 3.00");
    assertThat(Interleaved.spread(timing(3), timing(2))).isEqualTo("of one round");
    assertThat(Interleaved.rounds(1)).isEqualTo("1 round");
  }
}
