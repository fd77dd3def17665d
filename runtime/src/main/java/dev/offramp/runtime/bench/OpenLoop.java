package dev.offramp.runtime.bench;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Sends requests when they are due, whether earlier ones are answered or not. A latency runs from
 * the time a request was due: a late sender or a full queue counts as what it is, waiting.
 *
 * @param rows sent in turns
 * @param limitMillis latency that 99 % of the requests are to stay within
 */
public record OpenLoop(List<int[]> rows, double limitMillis) {
  private static final double SHARE = 0.99;
  private static final long HEAD_START_NANOS = 5_000_000;
  private static final int PATIENCE_SECONDS = 120;

  /**
   * What a load came to.
   *
   * @param rate requests a second
   * @param withinLimit whether 99 % of the requests stayed within the limit
   * @param millis latencies of the requests sent, ascending
   * @param lateMillis by how much 99 % of the requests were sent late at most
   * @param heap what was allocated from the first request to the last answer
   */
  public record Probe(
      double rate, boolean withinLimit, double[] millis, double lateMillis, HeapUse heap) {
    double percentileMillis(double p) {
      return Quantiles.of(millis, p);
    }
  }

  /**
   * Puts a load on a service, and stops early when so many requests are late already that the limit
   * cannot be kept any more. Returns when everything sent is answered.
   *
   * @throws IllegalStateException if answers do not come, or come twice
   */
  Probe probe(Service service, double rate, int requests, long seed) {
    long[] due = Arrivals.nanos(rate, requests, seed);
    long limit = Math.round(1e6 * limitMillis);
    int mayBeLate = requests - (int) Math.ceil(SHARE * requests);
    long[] latency = new long[requests];
    long[] sentLate = new long[requests];
    AtomicInteger answered = new AtomicInteger();
    AtomicInteger late = new AtomicInteger();
    Semaphore answers = new Semaphore(0);
    HeapUse before = HeapUse.now();
    long start = System.nanoTime() + HEAD_START_NANOS;
    int sent = 0;
    int overdue = 0; // requests whose limit has passed, answered or not
    while (sent < requests && late.get() + Math.max(0, overdue - answered.get()) <= mayBeLate) {
      int request = sent++;
      long at = start + due[request];
      Arrivals.await(at);
      sentLate[request] = System.nanoTime() - at;
      service.submit(
          rows.get(request % rows.size()),
          () -> {
            latency[request] = System.nanoTime() - at;
            if (latency[request] > limit) {
              late.incrementAndGet();
            }
            answered.incrementAndGet();
            answers.release();
          });
      while (overdue < sent && start + due[overdue] + limit < System.nanoTime()) {
        overdue++;
      }
    }
    await(service, answers, sent);
    HeapUse heap = HeapUse.now().since(before);
    return new Probe(
        rate,
        sent == requests && late.get() <= mayBeLate,
        millis(latency, sent),
        Quantiles.of(millis(sentLate, sent), SHARE),
        heap);
  }

  /**
   * Waits until that many requests are answered.
   *
   * @param answers released once for each answer
   * @throws IllegalStateException if answers do not come, or come twice
   */
  static void await(Service service, Semaphore answers, int sent) {
    boolean all;
    try {
      all = answers.tryAcquire(sent, PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while " + service.name() + " was timed", e);
    }
    if (!all) {
      throw new IllegalStateException(
          "%s left requests unanswered for %d s".formatted(service.name(), PATIENCE_SECONDS));
    }
    if (answers.availablePermits() > 0) {
      throw new IllegalStateException(service.name() + " answered a request twice");
    }
  }

  private static double[] millis(long[] nanos, int count) {
    return Arrays.stream(nanos, 0, count).mapToDouble(n -> n / 1e6).sorted().toArray();
  }
}
