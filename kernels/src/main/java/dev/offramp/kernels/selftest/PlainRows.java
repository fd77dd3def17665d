package dev.offramp.kernels.selftest;

import dev.offramp.kernels.LiveRows;
import java.util.Arrays;
import java.util.function.IntPredicate;

/** Live rows of the {@link PlainDevice}. */
final class PlainRows implements LiveRows {
  private Batch live;

  PlainRows(int capacity, int maxPositions) {
    live = Batch.none(capacity, maxPositions);
  }

  Batch live() {
    return live;
  }

  void keep(IntPredicate test) {
    live = live.keep(test);
  }

  @Override
  public int capacity() {
    return live.capacity();
  }

  @Override
  public int positions() {
    return live.positions();
  }

  @Override
  public int count() {
    return live.count();
  }

  @Override
  public void load(int[] rows, int[] lengths, int count, int positions) {
    live =
        new Batch(
            live.capacity(), positions, Arrays.copyOf(rows, count), Arrays.copyOf(lengths, count));
  }

  @Override
  public int[] rows() {
    return live.rows().clone();
  }

  @Override
  public void close() {}
}
