package dev.offramp.kernels.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WorkersTest {
  @Test
  void everyTaskRunsOnce() {
    for (int threads : new int[] {1, 2, 5}) {
      try (Workers workers = new Workers(threads)) {
        for (int count = 0; count < 200; count++) {
          AtomicIntegerArray runs = new AtomicIntegerArray(count);
          workers.run(count, (i, scratch) -> runs.incrementAndGet(i));
          for (int i = 0; i < count; i++) {
            assertThat(runs.get(i)).as("task %d of %d", i, count).isEqualTo(1);
          }
        }
      }
    }
  }

  @Test
  void rangesCoverAllNumbersOnce() {
    try (Workers workers = new Workers(3)) {
      for (int count : new int[] {0, 1, 7, 8, 127, 1000}) {
        AtomicIntegerArray runs = new AtomicIntegerArray(count);
        workers.ranges(
            count,
            8,
            (from, to, scratch) -> {
              for (int i = from; i < to; i++) {
                runs.incrementAndGet(i);
              }
            });
        for (int i = 0; i < count; i++) {
          assertThat(runs.get(i)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void parkedWorkersComeBack() throws InterruptedException {
    try (Workers workers = new Workers(2)) {
      for (int round = 0; round < 20; round++) {
        Thread.sleep(2); // far beyond the spinning
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        CountDownLatch both = new CountDownLatch(2);
        workers.run(
            2,
            (i, scratch) -> {
              threads.add(Thread.currentThread());
              both.countDown();
              await(both);
            });
        assertThat(threads).hasSize(2);
      }
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aTaskThatThrowsFailsTheJobAndNotTheWorkers() {
    try (Workers workers = new Workers(2)) {
      for (int round = 0; round < 50; round++) {
        int bad = round;
        assertThatIllegalArgumentException()
            .isThrownBy(() ->
                workers.run(
                    50,
                    (i, scratch) -> {
                      if (i == bad) {
                        throw new IllegalArgumentException("task " + i);
                      }
                    }))
            .withMessage("task " + bad);
      }
      AtomicIntegerArray runs = new AtomicIntegerArray(10);
      workers.run(10, (i, scratch) -> runs.incrementAndGet(i));
      assertThat(runs.get(9)).isEqualTo(1);
    }
  }

  @Test
  void closingEndsTheThreads() throws InterruptedException {
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    try (Workers workers = new Workers(2)) {
      CountDownLatch both = new CountDownLatch(2);
      workers.run(
          2,
          (i, scratch) -> {
            threads.add(Thread.currentThread());
            both.countDown();
            await(both);
          });
    }
    threads.remove(Thread.currentThread());
    for (Thread thread : threads) {
      thread.join(5000);
      assertThat(thread.isAlive()).isFalse();
    }
  }
}
