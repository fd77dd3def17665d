package dev.offramp.kernels.gpu;

import dev.offramp.kernels.gpu.Driver.Memory;

/** Most multiply-adds in F32 that a device does. */
final class Peak {
  private static final int ACCUMULATORS = 16;
  private static final int VECTOR = 16;
  private static final int ITEMS = 256;
  private static final long LONG_ENOUGH_NANOS = 20_000_000;
  private static final int TRIES = 20;

  private Peak() {}

  /** In GFLOP/s; the best of some runs of about 20 ms. */
  static double measure(Driver driver) {
    boolean processor = driver.traits().processor();
    int units = driver.info().computeUnits();
    // Many groups for each unit: a driver may hand a few of them to one thread together.
    Grid grid = Grid.of(16 * units, processor ? 1 : ITEMS);
    double items = (double) grid.groupsX() * grid.itemsX() * (processor ? VECTOR : 1);
    Memory out = driver.allocate(4);
    try {
      int rounds = 1000;
      time(driver, grid, rounds, out); // A driver may compile or load the kernel only now.
      long nanos = time(driver, grid, rounds, out);
      while (nanos < LONG_ENOUGH_NANOS && rounds < 1 << 28) {
        rounds *= 2;
        nanos = time(driver, grid, rounds, out);
      }
      for (int i = 1; i < TRIES; i++) {
        nanos = Math.min(nanos, time(driver, grid, rounds, out));
      }
      return 2.0 * ACCUMULATORS * rounds * items / nanos;
    } finally {
      driver.free(out);
    }
  }

  private static long time(Driver driver, Grid grid, int rounds, Memory out) {
    long start = System.nanoTime();
    driver.launch("peak", grid, rounds, 0.999f, out);
    driver.mark().finish();
    return System.nanoTime() - start;
  }
}
