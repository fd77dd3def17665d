package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.runtime.bench.Interleaved.Timing;
import java.util.List;
import java.util.stream.IntStream;
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

  /** A mode whose batches take as many seconds as they have rows, half of that together. */
  private static final class Counting implements Mode {
    private final boolean overlaps;
    private int warmUps;
    private int alone;
    private int together;

    private Counting(boolean overlaps) {
      this.overlaps = overlaps;
    }

    @Override
    public String name() {
      return "counting";
    }

    @Override
    public void run(List<int[]> batch) {
      warmUps++;
    }

    @Override
    public double time(List<int[]> batch) {
      alone++;
      return batch.size();
    }

    @Override
    public boolean overlaps() {
      return overlaps;
    }

    @Override
    public double timeAll(List<List<int[]>> batches) {
      together++;
      return batches.stream().mapToInt(List::size).sum() / 2.0;
    }
  }

  @Test
  void whatIsTimedOneByOneIsNotTimedTwice() {
    List<List<int[]>> batches =
        IntStream.rangeClosed(1, 40)
            .mapToObj(size -> IntStream.range(0, size).mapToObj(row -> new int[1]).toList())
            .toList();
    int rows = 40 * 41 / 2;
    Counting plain = new Counting(false);
    Counting overlapped = new Counting(true);
    List<Timing> timings =
        Interleaved.time(List.of(plain, overlapped), batches, 3, 1.5 * rows, done -> {});

    // The plain mode's passes take as many seconds as there are rows, so that a slice has two.
    assertThat(plain.alone).isEqualTo(3 * 2 * 40);
    assertThat(plain.together).isZero();
    assertThat(plain.warmUps)
        .as("every batch is run before any is timed")
        .isGreaterThanOrEqualTo(40);
    assertThat(timings.get(0).samplesPerSecond()).containsExactly(1, 1, 1);
    assertThat(timings.get(0).samples()).isEqualTo(3 * 2 * rows);
    assertThat(timings.get(0).batchMillis()).hasSize(3 * 2 * 40).isSorted();
    assertThat(timings.get(0).percentileMillis(0.5)).isEqualTo(20_000);

    assertThat(overlapped.alone).isEqualTo(3 * 40);
    assertThat(overlapped.together).isEqualTo(1 + 3 * 3);
    assertThat(timings.get(1).samplesPerSecond()).containsExactly(2, 2, 2);
    assertThat(timings.get(1).samples()).isEqualTo(3 * 3 * rows);
    assertThat(timings.get(1).batchMillis()).hasSize(3 * 40);
    assertThat(timings.get(1).percentileMillis(1)).isEqualTo(40_000);

    Counting warm = new Counting(false);
    Counting cold = new Counting(true);
    Interleaved.timeWarm(List.of(warm, cold), batches, 3, 0, done -> {});
    assertThat(warm.warmUps).isZero();
    assertThat(warm.alone).isEqualTo(3 * 40);
    assertThat(cold.warmUps).as("one by one it ran already").isZero();
    assertThat(cold.together).isEqualTo(1 + 3);
  }
}
