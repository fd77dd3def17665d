package dev.offramp.kernels.jvm;

import java.util.Arrays;

/** Measures the processor's peak by the same means that the kernels have. */
final class Peak {
  private static final int ROUNDS = 200_000;
  private static final int REPEATS = 25;

  private Peak() {}

  /** Best of several short runs of {@code threads} threads at once, in GFLOP/s. */
  static double measure(InnerLoops loops, int threads) {
    int perRound = loops.peak(ROUNDS); // also the warm-up
    double[] gflops = new double[REPEATS];
    try (Workers workers = new Workers(threads)) {
      for (int i = 0; i < REPEATS; i++) {
        long start = System.nanoTime();
        workers.run(threads, (task, scratch) -> loops.peak(ROUNDS));
        gflops[i] = 2.0 * perRound * ROUNDS * threads / (System.nanoTime() - start);
      }
    }
    return Arrays.stream(gflops).max().orElseThrow();
  }
}
