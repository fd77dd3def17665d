package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Arguments;
import dev.offramp.kernels.LiveRows;
import java.util.Arrays;
import java.util.BitSet;
import java.util.function.IntPredicate;

/** Live rows, and the valid positions of all of them as one list for the GEMM to walk along. */
final class JvmRows implements LiveRows {
  final Memory memory;
  private final int maxPositions;
  private final long bytes;
  private int positions;
  private int count;
  private int tokenCount;
  private int[] rows; // (capacity)
  private int[] lengths; // (capacity)
  private int[] tokens; // (capacity * maxPositions), row * positions + position
  private int[] starts; // (capacity + 1), where a live row's tokens start among all
  private final BitSet seen;

  JvmRows(Memory memory, int capacity, int maxPositions) {
    this.memory = memory;
    this.maxPositions = maxPositions;
    positions = maxPositions;
    rows = new int[capacity];
    lengths = new int[capacity];
    tokens = new int[capacity * maxPositions];
    starts = new int[capacity + 1];
    seen = new BitSet(capacity);
    bytes = 4L * (2L * capacity + tokens.length + starts.length);
    memory.add(bytes);
  }

  @Override
  public int capacity() {
    return open().rows.length;
  }

  @Override
  public int positions() {
    return open().positions;
  }

  @Override
  public int count() {
    return open().count;
  }

  @Override
  public int[] rows() {
    return Arrays.copyOf(open().rows, count);
  }

  @Override
  public void load(int[] newRows, int[] newLengths, int newCount, int newPositions) {
    Arguments.rows(newRows, newLengths, newCount, newPositions, capacity(), maxPositions, seen);
    positions = newPositions;
    count = newCount;
    System.arraycopy(newRows, 0, rows, 0, count);
    System.arraycopy(newLengths, 0, lengths, 0, count);
    listTokens();
  }

  /** Keeps the live rows whose place in the order passes the test. */
  void keep(IntPredicate test) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (test.test(i)) {
        rows[kept] = rows[i];
        lengths[kept++] = lengths[i];
      }
    }
    if (kept < count) {
      count = kept;
      listTokens();
    }
  }

  private void listTokens() {
    tokenCount = 0;
    for (int i = 0; i < count; i++) {
      for (int p = 0; p < lengths[i]; p++) {
        tokens[tokenCount++] = firstToken(i) + p;
      }
      starts[i + 1] = tokenCount;
    }
  }

  /** Place of the i-th live row's first position, counted in positions. */
  int firstToken(int i) {
    return rows[i] * positions;
  }

  int length(int i) {
    return lengths[i];
  }

  /** Places of all valid positions, counted in positions; {@link #tokenCount} of them. */
  int[] tokens() {
    return tokens;
  }

  int tokenCount() {
    return tokenCount;
  }

  /** Where the i-th live row's tokens start in {@link #tokens}; for the count, where all end. */
  int start(int i) {
    return starts[i];
  }

  /** The live row, or the count, that starts nearest to a place in {@link #tokens}. */
  int rowNear(int token) {
    int found = Arrays.binarySearch(starts, 0, count + 1, token);
    if (found >= 0) {
      return found;
    }
    int next = -found - 1;
    return starts[next] - token <= token - starts[next - 1] ? next : next - 1;
  }

  private JvmRows open() {
    if (rows == null) {
      throw new IllegalStateException("The live rows are closed");
    }
    return this;
  }

  @Override
  public void close() {
    if (rows != null) {
      rows = null;
      lengths = null;
      tokens = null;
      starts = null;
      memory.add(-bytes);
    }
  }
}
