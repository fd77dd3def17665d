package dev.offramp.kernels.gpu;

/**
 * What the host knows of live rows when it sizes grids; the kernels read the true counts on the
 * device.
 *
 * @param rows at most so many live rows
 * @param tokens at most so many valid positions of all of them
 * @param positions at most so many valid positions of each
 * @param dense whether the rows are exactly 0 to rows - 1 with all positions valid, one after the
 *     other, so that rows * positions = tokens
 */
record Bounds(int rows, int tokens, int positions, boolean dense) {
  /**
   * Rounded up by at most a quarter, so that few different grids cover all batches: groups beyond
   * the true counts end at once. Dense bounds stay: libraries need the true count.
   */
  Bounds bucket() {
    return dense ? this : new Bounds(round(rows), round(tokens), round(positions), false);
  }

  /** The same once rows may have left. */
  Bounds sparse() {
    return dense ? new Bounds(rows, tokens, positions, false).bucket() : this;
  }

  private static int round(int count) {
    long step = Math.max(1, Integer.highestOneBit(Math.max(1, count - 1)) / 4);
    return (int) Math.min(Integer.MAX_VALUE, Math.ceilDiv(count, step) * step);
  }
}
