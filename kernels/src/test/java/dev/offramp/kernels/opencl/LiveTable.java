package dev.offramp.kernels.opencl;

import java.util.Arrays;
import java.util.Random;

/**
 * A table of live rows as rows.c describes it, handled in plain Java.
 *
 * @param values header, rows, lengths, starts and list
 */
record LiveTable(int capacity, int positions, int[] values) {
  private static final int HEADER = 4;

  /** Rows in ascending order with gaps, of 1 to {@code positions} valid positions each. */
  static LiveTable random(Random random, int capacity, int positions, int count) {
    int[] values = new int[HEADER + 3 * capacity + capacity * positions];
    values[2] = positions;
    int[] rows = random.ints(0, capacity).distinct().limit(count).sorted().toArray();
    int[] lengths = random.ints(count, 1, positions + 1).toArray();
    LiveTable table = new LiveTable(capacity, positions, values);
    table.fill(rows, lengths, count);
    return table;
  }

  /** Sets header, rows, lengths, starts and list; what lies behind stays. */
  private void fill(int[] rows, int[] lengths, int count) {
    int tokens = 0;
    for (int i = 0; i < count; i++) {
      values[HEADER + i] = rows[i];
      values[HEADER + capacity + i] = lengths[i];
      values[HEADER + 2 * capacity + i] = tokens;
      for (int p = 0; p < lengths[i]; p++) {
        values[HEADER + 3 * capacity + tokens++] = rows[i] * positions + p;
      }
    }
    values[0] = count;
    values[1] = tokens;
  }

  /** After rows whose score is above lambda have left. */
  LiveTable compacted(float[] scores, float lambda) {
    LiveTable result = new LiveTable(capacity, positions, values.clone());
    int[] rows = new int[capacity];
    int[] lengths = new int[capacity];
    int kept = 0;
    for (int i = 0; i < values[0]; i++) {
      if (!(scores[i] > lambda)) {
        rows[kept] = values[HEADER + i];
        lengths[kept++] = values[HEADER + capacity + i];
      }
    }
    result.fill(rows, lengths, kept);
    return result;
  }

  @Override
  public String toString() {
    return Arrays.toString(values);
  }
}
