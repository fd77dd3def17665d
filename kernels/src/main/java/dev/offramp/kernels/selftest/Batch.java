package dev.offramp.kernels.selftest;

import dev.offramp.kernels.LiveRows;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Live rows in a scrambled order, and activations that hold NaN wherever nobody may look. */
record Batch(int capacity, int positions, int[] rows, int[] lengths) {

  /** About two thirds of the rows, at least one, in random order with random lengths. */
  static Batch random(Random random, int capacity, int positions) {
    int[] rows = Arrays.copyOf(scrambled(random, capacity), (2 * capacity + 2) / 3);
    int[] lengths = IntStream.of(rows).map(r -> 1 + random.nextInt(positions)).toArray();
    lengths[0] = positions;
    return new Batch(capacity, positions, rows, lengths);
  }

  /** 0 to count - 1 in random order. */
  static int[] scrambled(Random random, int count) {
    int[] all = IntStream.range(0, count).toArray();
    for (int i = count - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swap = all[i];
      all[i] = all[j];
      all[j] = swap;
    }
    return all;
  }

  /** All rows in their order at full length. */
  static Batch full(int capacity, int positions) {
    int[] lengths = new int[capacity];
    Arrays.fill(lengths, positions);
    return new Batch(capacity, positions, IntStream.range(0, capacity).toArray(), lengths);
  }

  /** No live row. */
  static Batch none(int capacity, int positions) {
    return new Batch(capacity, positions, new int[0], new int[0]);
  }

  /** The live rows whose place in the order passes the test. */
  Batch keep(IntPredicate test) {
    int[] places = IntStream.range(0, rows.length).filter(test).toArray();
    return new Batch(
        capacity,
        positions,
        IntStream.of(places).map(i -> rows[i]).toArray(),
        IntStream.of(places).map(i -> lengths[i]).toArray());
  }

  int count() {
    return rows.length;
  }

  LiveRows load(Side side) {
    LiveRows live = side.open(side.device.liveRows(capacity, positions + 3));
    live.load(rows, lengths, positions);
    return live;
  }

  void eachToken(IntConsumer token) {
    for (int i = 0; i < rows.length; i++) {
      for (int p = 0; p < lengths[i]; p++) {
        token.accept(rows[i] * positions + p);
      }
    }
  }

  int tokens() {
    return IntStream.of(lengths).sum();
  }

  /** Activations [capacity, positions, width], random up to scale where valid, NaN elsewhere. */
  float[] input(Side side, int width, double scale) {
    return input(side, width, scale, Float.NaN);
  }

  float[] input(Side side, int width, double scale, float elsewhere) {
    float[] values = new float[capacity * positions * width];
    Arrays.fill(values, elsewhere);
    eachToken(
        token -> System.arraycopy(side.numbers(width, scale), 0, values, token * width, width));
    return values;
  }

  /** Activations to be overwritten. */
  float[] poisoned(int width) {
    return Side.poison(capacity * positions * width);
  }

  /** What is valid, token after token in the live order, and that dead rows are as they were. */
  float[] written(float[] values, int width) {
    BitSet live = new BitSet(capacity);
    IntStream.of(rows).forEach(live::set);
    for (int i = 0; i < values.length; i++) {
      int row = i / (positions * width);
      Side.require(
          live.get(row) || values[i] == Side.POISON,
          "element %d was written: row %d is not live",
          i,
          row);
    }
    float[] valid = new float[tokens() * width];
    int[] at = {0};
    eachToken(token -> {
      System.arraycopy(values, token * width, valid, at[0], width);
      at[0] += width;
    });
    return valid;
  }
}
