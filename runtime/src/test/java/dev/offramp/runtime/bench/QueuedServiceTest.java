package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class QueuedServiceTest {
  private static final int THREADS = 4;
  private static final int ROWS = 5_000;
  private static final int MOST = 7;

  @Test
  void everyRowIsRunAndAnsweredOnce() throws InterruptedException {
    AtomicIntegerArray run = new AtomicIntegerArray(THREADS * ROWS);
    AtomicIntegerArray answered = new AtomicIntegerArray(THREADS * ROWS);
    List<Integer> sizes = new ArrayList<>(); // written by the service's thread alone
    QueuedService service =
        new QueuedService(
            "counting",
            MOST,
            batch -> {
              sizes.add(batch.size());
              batch.forEach(row -> run.incrementAndGet(row[0]));
            });
    List<Thread> senders =
        IntStream.range(0, THREADS)
            .mapToObj(thread ->
                Thread.ofPlatform()
                    .start(() -> {
                      for (int i = thread; i < THREADS * ROWS; i += THREADS) {
                        int row = i;
                        service.submit(
                            new int[] {row},
                            () -> {
                              assertThat(run.get(row)).as("run before it is answered").isEqualTo(1);
                              answered.incrementAndGet(row);
                            });
                      }
                    }))
            .toList();
    for (Thread sender : senders) {
      sender.join();
    }
    service.close();
    for (int row = 0; row < THREADS * ROWS; row++) {
      assertThat(run.get(row)).isEqualTo(1);
      assertThat(answered.get(row)).isEqualTo(1);
    }
    assertThat(sizes).allMatch(size -> size >= 1 && size <= MOST);
    assertThatThrownBy(() -> service.submit(new int[1], () -> {})).hasMessageContaining("closed");
  }

  /** What waits while a batch runs goes into the next one together. */
  @Test
  void whatWaitsIsABatch() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    List<Integer> sizes = new ArrayList<>();
    try (QueuedService service =
        new QueuedService(
            "waiting",
            MOST,
            batch -> {
              sizes.add(batch.size());
              begun.countDown();
              await(goOn);
            })) {
      service.submit(new int[1], () -> {});
      begun.await();
      for (int i = 0; i < MOST + 2; i++) {
        service.submit(new int[1], () -> {});
      }
      goOn.countDown();
    }
    assertThat(sizes).containsExactly(1, MOST, 2);
  }

  /** A batch that fails is answered too, and is heard of; the others are run as ever. */
  @Test
  void aFailingBatch() throws InterruptedException {
    for (RuntimeException failure :
        List.of(new IllegalStateException("kernel"), new PeerException("peer"))) {
      AtomicIntegerArray answered = new AtomicIntegerArray(3);
      CountDownLatch first = new CountDownLatch(1);
      QueuedService service =
          new QueuedService(
              "failing",
              1,
              batch -> {
                if (batch.getFirst()[0] != 1) {
                  throw failure;
                }
              });
      service.submit(
          new int[] {0},
          () -> {
            answered.incrementAndGet(0);
            first.countDown();
          });
      first.await();
      assertThatThrownBy(() -> service.submit(new int[] {1}, () -> answered.incrementAndGet(1)))
          .isSameAs(failure);
      service.submit(new int[] {1}, () -> answered.incrementAndGet(1));
      service.submit(new int[] {2}, () -> answered.incrementAndGet(2));
      assertThatThrownBy(service::close).isSameAs(failure);
      for (int row = 0; row < 3; row++) {
        assertThat(answered.get(row)).isEqualTo(1);
      }
    }
  }

  @Test
  void anErrorIsHeardOfToo() {
    QueuedService service =
        new QueuedService(
            "failing",
            2,
            batch -> {
              throw new OutOfMemoryError("played");
            });
    CountDownLatch answered = new CountDownLatch(1);
    service.submit(new int[1], answered::countDown);
    await(answered);
    assertThatThrownBy(service::close).isInstanceOf(OutOfMemoryError.class);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
