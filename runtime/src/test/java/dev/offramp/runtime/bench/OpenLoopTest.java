package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.runtime.bench.OpenLoop.Probe;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Latencies have lower bounds only: a busy machine adds to them. */
@Timeout(60)
class OpenLoopTest {
  private static final double NO_LIMIT = 1e6;
  private static final List<int[]> ROWS = List.of(new int[] {1}, new int[] {2});

  /** Answers within submit, after {@code work} was given the number of the row. */
  private record AtOnce(Consumer<Integer> work, AtomicInteger rows) implements Service {
    @Override
    public String name() {
      return "at once";
    }

    @Override
    public void submit(int[] tokens, Runnable answered) {
      work.accept(rows.getAndIncrement());
      answered.run();
    }

    @Override
    public void close() {}
  }

  private static void sleep(double millis) {
    long end = System.nanoTime() + Math.round(1e6 * millis);
    for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  @Test
  void everyRequestIsSentOnce() {
    AtomicInteger rows = new AtomicInteger();
    Probe probe = new OpenLoop(ROWS, NO_LIMIT).probe(new AtOnce(row -> {}, rows), 2_000, 400, 1);
    assertThat(rows).hasValue(400);
    assertThat(probe.millis()).hasSize(400).isSorted();
    assertThat(probe.withinLimit()).isTrue();
    assertThat(probe.heap().bytes()).as("a callback a request").isPositive();
    assertThat(probe.rate()).isEqualTo(2_000);
    assertThat(probe.lateMillis()).isNotNegative();
  }

  /** The requests that arrive during a stall of 200 ms wait for its end, a few for all of it. */
  @Test
  void aStalledServiceShows() {
    AtomicInteger rows = new AtomicInteger();
    try (QueuedService service =
        new QueuedService(
            "stalling",
            1_000,
            batch -> {
              int before = rows.getAndAdd(batch.size()); // However large batches are.
              sleep(before <= 20 && 20 < before + batch.size() ? 200 : 0);
            })) {
      Probe probe = new OpenLoop(ROWS, NO_LIMIT).probe(service, 1_000, 500, 2);
      assertThat(probe.millis()).hasSize(500);
      assertThat(probe.percentileMillis(0.99)).isGreaterThan(150);
      // About 200 of 500 came in that time.
      assertThat(probe.percentileMillis(0.8)).isGreaterThan(50);
    }
  }

  /** A sender that was held up does not shorten the latencies of those it sends late. */
  @Test
  void aStalledSenderShows() {
    Service service = new AtOnce(row -> sleep(row == 20 ? 200 : 0), new AtomicInteger());
    Probe probe = new OpenLoop(ROWS, NO_LIMIT).probe(service, 1_000, 500, 3);
    assertThat(probe.percentileMillis(0.99)).isGreaterThan(150);
    assertThat(probe.lateMillis()).isGreaterThan(150);
  }

  @Test
  void aHopelessLoadIsGivenUp() {
    AtomicInteger rows = new AtomicInteger();
    try (QueuedService service =
        new QueuedService(
            "slow",
            1,
            batch -> {
              sleep(4);
              rows.incrementAndGet();
            })) {
      Probe probe = new OpenLoop(ROWS, 20).probe(service, 2_000, 5_000, 4);
      assertThat(probe.withinLimit()).isFalse();
      assertThat(probe.millis()).hasSizeLessThan(5_000).hasSizeGreaterThan(50);
      assertThat(rows).as("all that was sent is answered").hasValue(probe.millis().length);
    }
  }

  /** One request in a hundred may be late, not two. */
  @Test
  void theLimitIsOfTheNinetyNinthPercentile() {
    for (int late : new int[] {1, 2}) {
      Service service =
          new Service() {
            private int row;

            @Override
            public String name() {
              return "late";
            }

            @Override
            public void submit(int[] tokens, Runnable answered) {
              if (row++ < late) {
                Thread.ofPlatform()
                    .start(() -> {
                      sleep(1_500);
                      answered.run();
                    });
              } else {
                answered.run();
              }
            }

            @Override
            public void close() {}
          };
      assertThat(new OpenLoop(ROWS, 1_000).probe(service, 5_000, 100, 5).withinLimit())
          .isEqualTo(late == 1);
    }
  }

  @Test
  void answeringTwiceIsAnError() {
    Service service =
        new Service() {
          @Override
          public String name() {
            return "eager";
          }

          @Override
          public void submit(int[] tokens, Runnable answered) {
            answered.run();
            answered.run();
          }

          @Override
          public void close() {}
        };
    assertThatThrownBy(() -> new OpenLoop(ROWS, NO_LIMIT).probe(service, 5_000, 10, 6))
        .hasMessageContaining("eager answered a request twice");
  }

  @Test
  void aFailureOfTheServiceIsNotALatency() {
    try (QueuedService service =
        new QueuedService(
            "failing",
            1,
            batch -> {
              throw new PeerException("it broke");
            })) {
      assertThatThrownBy(() -> new OpenLoop(ROWS, NO_LIMIT).probe(service, 1_000, 2_000, 7))
          .hasMessage("it broke");
    } catch (PeerException e) {
      assertThat(e).as("what came between the last submit and close").hasMessage("it broke");
    }
  }
}
