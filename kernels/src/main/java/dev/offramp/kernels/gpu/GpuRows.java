package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Arguments;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;

/**
 * The table of live rows on the device, laid out as rows.c says, and what the host knows of it.
 * After a compaction that is upper bounds, which do for sizing grids; only who asks for the rows
 * themselves waits for the device.
 */
final class GpuRows implements LiveRows {
  private static final int HEADER = 4;

  final Heap heap;
  private final Staging staging;
  private final int capacity;
  private final int maxPositions;
  private final int[] rows; // (capacity)
  private final int[] image; // what a load uploads
  private final BitSet seen;
  private Memory table;
  private int positions;
  private int count;
  private int tokenCount;
  private boolean dense;

  /** Whether rows were taken out since the host last knew: the counts are bounds then. */
  private boolean compacted;

  GpuRows(Heap heap, Staging staging, int capacity, int maxPositions) {
    long elements = HEADER + 3L * capacity + (long) capacity * maxPositions;
    if (elements > Integer.MAX_VALUE) {
      throw new DeviceException(
          "%s: an index table for %,d rows of %,d positions is too large"
              .formatted(heap.driver.info().id(), capacity, maxPositions));
    }
    this.heap = heap;
    this.staging = staging;
    this.capacity = capacity;
    this.maxPositions = maxPositions;
    positions = maxPositions;
    rows = new int[capacity];
    image = new int[HEADER + 3 * capacity];
    seen = new BitSet(capacity);
    table = heap.allocate(4 * elements);
    try {
      heap.driver.zero(table, 0, 4L * HEADER);
    } catch (RuntimeException e) {
      heap.free(table);
      throw e;
    }
  }

  @Override
  public int capacity() {
    open();
    return capacity;
  }

  @Override
  public int positions() {
    open();
    return positions;
  }

  /** Waits for compactions that are under way. */
  @Override
  public int count() {
    open();
    if (compacted) {
      heap.requireOpen("count");
      int[] known = new int[HEADER + capacity];
      staging.download(table, 0, MemorySegment.ofArray(known)).await();
      count = known[0];
      tokenCount = known[1];
      System.arraycopy(known, HEADER, rows, 0, count);
      compacted = false;
    }
    return count;
  }

  /** Waits for compactions that are under way. */
  @Override
  public int[] rows() {
    return Arrays.copyOf(rows, count());
  }

  @Override
  public void load(int[] newRows, int[] newLengths, int newCount, int newPositions) {
    open();
    heap.requireOpen("load");
    heap.requireNotRecording("load");
    Arguments.rows(newRows, newLengths, newCount, newPositions, capacity, maxPositions, seen);
    compacted = false;
    positions = newPositions;
    count = newCount;
    System.arraycopy(newRows, 0, rows, 0, count);
    dense = true;
    tokenCount = 0;
    for (int i = 0; i < count; i++) {
      image[HEADER + i] = rows[i];
      image[HEADER + capacity + i] = newLengths[i];
      image[HEADER + 2 * capacity + i] = tokenCount;
      tokenCount += newLengths[i];
      dense &= rows[i] == i && newLengths[i] == positions;
    }
    image[0] = count;
    image[1] = tokenCount;
    image[2] = positions;
    try {
      staging.upload(MemorySegment.ofArray(image), table, 0);
      if (count > 0) {
        listTokens(count);
      }
    } catch (RuntimeException e) {
      count = 0;
      tokenCount = 0;
      throw e;
    }
  }

  /** Queues making the list of valid positions anew, for at most that many rows. */
  void listTokens(int atMost) {
    heap.driver.launch("list_tokens", Grid.of(atMost, 32), table, capacity);
  }

  /** Takes note of a compaction that is about to be queued. */
  void compacted() {
    compacted = true;
    dense = false;
  }

  @Override
  public void atMost(int mostRows, int mostTokens) {
    open();
    if (mostRows < 0 || mostTokens < 0) {
      throw new IllegalArgumentException(
          "atMost: %d rows of %d positions".formatted(mostRows, mostTokens));
    }
    if (compacted) {
      count = Math.min(count, mostRows);
      tokenCount = Math.min(tokenCount, mostTokens);
    }
  }

  /** What grids may be sized by, without waiting. */
  Bounds bounds() {
    return new Bounds(count, tokenCount, positions, dense);
  }

  Memory table() {
    return table;
  }

  private void open() {
    if (table == null) {
      throw new IllegalStateException("The live rows are closed");
    }
  }

  @Override
  public void close() {
    Memory freed = table;
    table = null;
    heap.free(freed);
  }
}
