package dev.offramp.kernels.jvm;

/** Measures the processor's peak by the same means that the kernels have. */
final class Peak {
  private static final int ROUNDS = 2_000;
  private static final int CALLS = 50;
  private static final long PATIENCE_NANOS = 1_000_000_000L;
  private static final long LIMIT_NANOS = 10_000_000_000L;

  private Peak() {}

  /**
   * Best of many short runs of {@code threads} threads at once, in GFLOP/s; ends when there has
   * been none better for a second, which outlasts the compiler's warm-up, threads that wake late
   * and most disturbances by other programs.
   */
  static double measure(InnerLoops loops, int threads) {
    double best = 0;
    try (Workers workers = new Workers(threads)) {
      long first = System.nanoTime();
      long improved = first;
      long now = first;
      while (now - improved < PATIENCE_NANOS && now - first < LIMIT_NANOS) {
        int[] perRound = new int[threads];
        long start = System.nanoTime();
        workers.run(threads, (task, scratch) -> perRound[task] = run(loops));
        now = System.nanoTime();
        double gflops = 2.0 * perRound[0] * ROUNDS * CALLS * threads / (now - start);
        if (gflops > best * 1.001) {
          best = gflops;
          improved = now;
        }
      }
    }
    return best;
  }

  private static int run(InnerLoops loops) {
    int perRound = 0;
    for (int i = 0; i < CALLS; i++) {
      perRound = loops.peak(ROUNDS);
    }
    return perRound;
  }
}
