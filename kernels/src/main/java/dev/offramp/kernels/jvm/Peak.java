package dev.offramp.kernels.jvm;

/** Measures the processor's peak by the same means that the kernels have. */
final class Peak {
  private static final int ROUNDS = 100_000;
  private static final long NANOS = 300_000_000;

  private Peak() {}

  /** Best of many short runs of {@code threads} threads at once, in GFLOP/s. */
  static double measure(InnerLoops loops, int threads) {
    double best = 0;
    try (Workers workers = new Workers(threads)) {
      long end = System.nanoTime() + NANOS;
      while (System.nanoTime() < end) {
        int[] perRound = new int[threads];
        long start = System.nanoTime();
        workers.run(threads, (task, scratch) -> perRound[task] = loops.peak(ROUNDS));
        double nanos = System.nanoTime() - start;
        best = Math.max(best, 2.0 * perRound[0] * ROUNDS * threads / nanos);
      }
    }
    return best;
  }
}
