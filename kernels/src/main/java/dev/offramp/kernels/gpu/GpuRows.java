package dev.offramp.kernels.gpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;

/**
 * The table of live rows on the device, laid out as rows.c says, and what the host knows of it.
 * After each compaction the table is read back in the background; until that has arrived the host
 * goes by the last known state, whose counts are never too small.
 */
final class GpuRows implements LiveRows {
  private static final int HEADER = 4;

  /** Compactions whose outcome may be under way. */
  private static final int SLOTS = 4;

  final Heap heap;
  private final Staging staging;
  private final int capacity;
  private final int maxPositions;
  private final long pinnedBytes;
  private Memory table;
  private Pinned pinned; // [SLOTS][HEADER + 2 * capacity]
  private final Deque<Mark> underWay = new ArrayDeque<>();
  private int nextSlot;
  private int positions;
  private int count;
  private int tokenCount;
  private boolean dense;
  private int[] rows; // (capacity)
  private int[] lengths; // (capacity)

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
    lengths = new int[capacity];
    pinnedBytes = (long) SLOTS * slotBytes();
    table = heap.allocate(4 * elements);
    try {
      heap.driver.zero(table, 0, 4L * HEADER);
      pinned = heap.driver.pinned(pinnedBytes);
      heap.count(pinnedBytes);
    } catch (RuntimeException e) {
      heap.free(table);
      throw e;
    }
  }

  private long slotBytes() {
    return 4L * (HEADER + 2L * capacity);
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
    learn(true);
    return count;
  }

  /** Waits for compactions that are under way. */
  @Override
  public int[] rows() {
    return Arrays.copyOf(rows, count());
  }

  @Override
  public void load(int[] newRows, int[] newLengths, int newPositions) {
    open();
    check(newRows, newLengths, newPositions);
    forget();
    positions = newPositions;
    count = newRows.length;
    System.arraycopy(newRows, 0, rows, 0, count);
    System.arraycopy(newLengths, 0, lengths, 0, count);
    int[] image = new int[HEADER + 3 * capacity];
    dense = true;
    tokenCount = 0;
    for (int i = 0; i < count; i++) {
      image[HEADER + i] = rows[i];
      image[HEADER + capacity + i] = lengths[i];
      image[HEADER + 2 * capacity + i] = tokenCount;
      tokenCount += lengths[i];
      dense &= rows[i] == i && lengths[i] == positions;
    }
    image[0] = count;
    image[1] = tokenCount;
    image[2] = positions;
    staging.upload(MemorySegment.ofArray(image), table, 0);
    if (count > 0) {
      listTokens(count);
    }
  }

  private void check(int[] newRows, int[] newLengths, int newPositions) {
    if (newPositions < 1 || newPositions > maxPositions) {
      throw new IllegalArgumentException(
          "load: positions is %d, allowed is 1 to %d".formatted(newPositions, maxPositions));
    }
    if (newRows.length != newLengths.length) {
      throw new IllegalArgumentException(
          "load: %d rows, but %d lengths".formatted(newRows.length, newLengths.length));
    }
    BitSet seen = new BitSet(capacity);
    for (int i = 0; i < newRows.length; i++) {
      if (newRows[i] < 0 || newRows[i] >= capacity) {
        throw new IllegalArgumentException(
            "load: rows[%d] is %d, allowed is 0 to %d".formatted(i, newRows[i], capacity - 1));
      }
      if (newLengths[i] < 1 || newLengths[i] > newPositions) {
        throw new IllegalArgumentException(
            "load: lengths[%d] is %d, allowed is 1 to %d"
                .formatted(i, newLengths[i], newPositions));
      }
      if (seen.get(newRows[i])) {
        throw new IllegalArgumentException("load: row %d is named twice".formatted(newRows[i]));
      }
      seen.set(newRows[i]);
    }
  }

  /** Queues making the list of valid positions anew, for at most that many rows. */
  void listTokens(int atMost) {
    heap.driver.launch("list_tokens", Grid.of(atMost, 32), table, capacity);
  }

  /** Has the outcome of a compaction that was just queued read back. */
  void compacted() {
    if (underWay.size() == SLOTS) {
      learnNext();
    }
    heap.driver.read(table, 0, slot(nextSlot));
    nextSlot = (nextSlot + 1) % SLOTS;
    underWay.add(heap.driver.mark());
    dense = false;
  }

  private MemorySegment slot(int index) {
    return pinned.segment().asSlice(index * slotBytes(), slotBytes());
  }

  /** Takes note of the outcomes that have arrived, or of all. */
  private void learn(boolean all) {
    while (!underWay.isEmpty() && (all || underWay.peek().reached())) {
      learnNext();
    }
  }

  private void learnNext() {
    MemorySegment slot = slot(Math.floorMod(nextSlot - underWay.size(), SLOTS));
    underWay.poll().finish();
    count = slot.getAtIndex(JAVA_INT, 0);
    tokenCount = slot.getAtIndex(JAVA_INT, 1);
    MemorySegment.copy(slot, JAVA_INT, 4L * HEADER, rows, 0, count);
    MemorySegment.copy(slot, JAVA_INT, 4L * (HEADER + capacity), lengths, 0, count);
  }

  private void forget() {
    underWay.forEach(Mark::close);
    underWay.clear();
  }

  /** What grids may be sized by now, without waiting. */
  Bounds bounds() {
    learn(false);
    return new Bounds(count, tokenCount, positions, dense);
  }

  /** Most live rows that there can be now, without waiting. */
  int atMost() {
    learn(false);
    return count;
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
    if (table == null) {
      return;
    }
    if (!heap.closed()) {
      // What is under way writes into the pinned memory.
      learn(true);
      heap.free(table);
      pinned.close();
      heap.count(-pinnedBytes);
    }
    table = null;
  }
}
