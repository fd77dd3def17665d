package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The table of live rows, and clearing memory. The table is, in this order: the count of live rows,
 * of their valid positions, the positions a row has room for, a free word; then rows, lengths and
 * starts, (capacity) each: number of the i-th live row, its valid positions, and where its
 * positions start in the list that follows, of row * positions + position of each valid one.
 */
final class RowKernels {
  static final int COUNT = 0;
  static final int TOKENS = 1;
  static final int POSITIONS = 2;
  static final int HEADER = 4;

  private static final int SCAN = 256;

  private RowKernels() {}

  /** Number of the i-th live row. */
  static int row(IntArray live, int i) {
    return live.get(HEADER + i);
  }

  static int length(IntArray live, int capacity, int i) {
    return live.get(HEADER + capacity + i);
  }

  /** The t-th valid position. */
  static int token(IntArray live, int capacity, int t) {
    return live.get(HEADER + 3 * capacity + t);
  }

  private static void listRow(IntArray live, int capacity, int i, int item, int items) {
    int first = row(live, i) * live.get(POSITIONS);
    int length = length(live, capacity, i);
    int start = HEADER + 3 * capacity + live.get(HEADER + 2 * capacity + i);
    for (int p = item; p < length; p += items) {
      live.set(start + p, first + p);
    }
  }

  /**
   * Keeps, in their order, the rows whose score is not above lambda, with NaN, which is above
   * nothing. One group of {@value #SCAN} items.
   *
   * @param ints capacity, place of the first score, whether to list positions
   * @param floats lambda
   */
  static void compact(
      KernelContext c, IntArray ints, FloatArray floats, IntArray live, FloatArray scores) {
    int[] scratch = c.allocateIntLocalArray(2 * SCAN);
    int capacity = ints.get(0);
    int line = ints.get(1);
    int list = ints.get(2);
    float lambda = floats.get(Call.FLOATS);
    int lane = c.localIdx;
    int count = live.get(COUNT);
    int kept = 0;
    int keptTokens = 0;
    for (int from = 0; from < count; from += SCAN) {
      int i = from + lane;
      int row = 0;
      int length = 0;
      int stay = 0;
      if (i < count) {
        int leaves = 0;
        if (scores.get(line + i) > lambda) {
          leaves = 1;
        }
        if (leaves == 0) {
          stay = 1;
          row = row(live, i);
          length = length(live, capacity, i);
        }
      }
      scratch[lane] = stay;
      scratch[SCAN + lane] = length;
      c.localBarrier();
      for (int step = 1; step < SCAN; step *= 2) {
        int s = 0;
        int t = 0;
        if (lane >= step) {
          s = scratch[lane - step];
          t = scratch[SCAN + lane - step];
        }
        c.localBarrier();
        scratch[lane] = scratch[lane] + s;
        scratch[SCAN + lane] = scratch[SCAN + lane] + t;
        c.localBarrier();
      }
      // Places written lie before those that are still to be read: rows only move forward.
      if (stay == 1) {
        int to = HEADER + kept + scratch[lane] - 1;
        live.set(to, row);
        live.set(to + capacity, length);
        live.set(to + 2 * capacity, keptTokens + scratch[SCAN + lane] - length);
      }
      kept += scratch[SCAN - 1];
      keptTokens += scratch[2 * SCAN - 1];
      c.globalBarrier();
      c.localBarrier();
    }
    if (lane == 0) {
      live.set(COUNT, kept);
      live.set(TOKENS, keptTokens);
    }
    if (list == 1) {
      for (int i = lane / 32; i < kept; i += SCAN / 32) {
        listRow(live, capacity, i, lane % 32, 32);
      }
    }
  }

  /**
   * Lists the valid positions of the live rows anew; a group for each row that may be live.
   *
   * @param ints capacity
   */
  static void listTokens(KernelContext c, IntArray ints, IntArray live) {
    int group = c.groupIdx;
    if (group < live.get(COUNT)) {
      listRow(live, ints.get(0), group, c.localIdx, c.localGroupSizeX);
    }
  }

  /**
   * A table of as many rows as it has room for, of one position each.
   *
   * @param ints capacity
   */
  static void identity(KernelContext c, IntArray ints, IntArray live) {
    int capacity = ints.get(0);
    int i = c.globalIdx;
    if (i == 0) {
      live.set(COUNT, capacity);
      live.set(TOKENS, capacity);
      live.set(POSITIONS, 1);
    }
    if (i < capacity) {
      live.set(HEADER + i, i);
      live.set(HEADER + capacity + i, 1);
      live.set(HEADER + 2 * capacity + i, i);
      live.set(HEADER + 3 * capacity + i, i);
    }
  }

  /**
   * @param ints first word, count
   */
  static void zeroWords(KernelContext c, IntArray ints, IntArray memory) {
    int i = c.globalIdx;
    if (i < ints.get(1)) {
      memory.set(ints.get(0) + i, 0);
    }
  }

  /**
   * @param ints first byte, count
   */
  static void zeroBytes(KernelContext c, IntArray ints, ByteArray memory) {
    int i = c.globalIdx;
    if (i < ints.get(1)) {
      memory.set(ints.get(0) + i, (byte) 0);
    }
  }

  /** Does nothing that anybody could see; the first of the numbers is never that. */
  static void nothing(KernelContext c, IntArray ints) {
    if (ints.get(0) == Integer.MIN_VALUE) {
      ints.set(0, 0);
    }
  }
}
