package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/** Live rows in a scrambled order, and activations that hold NaN wherever nobody may look. */
record Batch(int capacity, int positions, int[] rows, int[] lengths) {
  static final float UNTOUCHED = 12345f;

  /** About two thirds of the rows, at least one, in random order with random lengths. */
  static Batch random(Random random, int capacity, int positions) {
    int[] all = IntStream.range(0, capacity).toArray();
    for (int i = capacity - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swap = all[i];
      all[i] = all[j];
      all[j] = swap;
    }
    int[] rows = Arrays.copyOf(all, (2 * capacity + 2) / 3);
    int[] lengths = IntStream.of(rows).map(r -> 1 + random.nextInt(positions)).toArray();
    lengths[0] = positions;
    return new Batch(capacity, positions, rows, lengths);
  }

  /** All rows in their order at full length. */
  static Batch full(int capacity, int positions) {
    int[] lengths = new int[capacity];
    Arrays.fill(lengths, positions);
    return new Batch(capacity, positions, IntStream.range(0, capacity).toArray(), lengths);
  }

  LiveRows load(Rig rig) {
    LiveRows live = rig.open(rig.device.liveRows(capacity, positions + 3));
    live.load(rows, lengths, positions);
    return live;
  }

  int count() {
    return rows.length;
  }

  void eachToken(IntConsumer token) {
    for (int i = 0; i < rows.length; i++) {
      for (int p = 0; p < lengths[i]; p++) {
        token.accept(rows[i] * positions + p);
      }
    }
  }

  /** Activations with random numbers at the valid positions and NaN elsewhere. */
  float[] activations(Random random, int width) {
    float[] values = new float[capacity * positions * width];
    Arrays.fill(values, Float.NaN);
    eachToken(token -> {
      for (int j = 0; j < width; j++) {
        values[token * width + j] = 2 * random.nextFloat() - 1;
      }
    });
    return values;
  }

  /** Activations to be overwritten. */
  float[] untouched(int width) {
    float[] values = new float[capacity * positions * width];
    Arrays.fill(values, UNTOUCHED);
    return values;
  }

  /** That rows which are not live still hold what {@link #untouched} put there. */
  void assertOthersUntouched(float[] activations, int width) {
    for (int row = 0; row < capacity; row++) {
      int candidate = row;
      if (IntStream.of(rows).noneMatch(live -> live == candidate)) {
        for (int i = row * positions * width; i < (row + 1) * positions * width; i++) {
          assertThat(activations[i]).as("element %d of dead row %d", i, row).isEqualTo(UNTOUCHED);
        }
      }
    }
  }
}
