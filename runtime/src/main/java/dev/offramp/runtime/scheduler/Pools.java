package dev.offramp.runtime.scheduler;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Rows on their way: which slot each is in, and who waits for which stage. Numbers only, so that
 * nothing is allocated for a row. Not thread-safe.
 */
final class Pools {
  private static final int NOWHERE = -1;

  private final Row[] rows; // (slots), null where the slot is free
  private final int[] lengths; // (slots), tokens
  private final int[] stageOf; // (slots), the stage waited for, or NOWHERE
  private final long[] due; // (slots), when a waiting row has waited long enough
  private final long[] ticket; // (slots), counts arrivals
  private final int[] free;
  private int freeCount;
  private final int[][] queue; // (stages, slots), a ring each, in the order of waiting
  private final int[] head; // (stages)
  private final int[] size; // (stages)
  private final int[] tokens; // (stages), of the rows that wait
  private long tickets;

  Pools(int slots, int stages) {
    rows = new Row[slots];
    lengths = new int[slots];
    stageOf = new int[slots];
    Arrays.fill(stageOf, NOWHERE);
    due = new long[slots];
    ticket = new long[slots];
    free = new int[slots];
    for (int i = 0; i < slots; i++) {
      free[i] = slots - 1 - i;
    }
    freeCount = slots;
    queue = new int[stages][slots];
    head = new int[stages];
    size = new int[stages];
    tokens = new int[stages];
  }

  int free() {
    return freeCount;
  }

  boolean isEmpty() {
    return freeCount == rows.length;
  }

  /** Gives a row a slot, in which it does not wait for anything yet. */
  int enter(Row row) {
    int slot = free[--freeCount];
    rows[slot] = row;
    lengths[slot] = row.tokens().length;
    ticket[slot] = tickets++;
    return slot;
  }

  /** Lets a row wait for a stage, behind those that wait already. */
  void await(int slot, int stage, long dueAt) {
    int[] ring = queue[stage];
    ring[(head[stage] + size[stage]++) % ring.length] = slot;
    tokens[stage] += lengths[slot];
    stageOf[slot] = stage;
    due[slot] = dueAt;
  }

  /** Takes the row that waits longest for a stage; it keeps its slot. */
  int take(int stage) {
    int slot = queue[stage][head[stage]];
    head[stage] = (head[stage] + 1) % queue[stage].length;
    size[stage]--;
    tokens[stage] -= lengths[slot];
    stageOf[slot] = NOWHERE;
    return slot;
  }

  /** Frees the slot of a row that does not wait. */
  void leave(int slot) {
    rows[slot] = null;
    free[freeCount++] = slot;
  }

  /** All rows that have a slot. */
  List<Row> rows() {
    return Arrays.stream(rows).filter(Objects::nonNull).toList();
  }

  Row row(int slot) {
    return rows[slot];
  }

  int length(int slot) {
    return lengths[slot];
  }

  /** Number of rows that wait for a stage. */
  int waiting(int stage) {
    return size[stage];
  }

  /** Number of tokens of the rows that wait for a stage. */
  int waitingTokens(int stage) {
    return tokens[stage];
  }

  /** The stage that the first comer of all rows waits for whose time has come, or -1. */
  int overdue(long now) {
    int oldest = NOWHERE;
    for (int slot = 0; slot < stageOf.length; slot++) {
      if (stageOf[slot] != NOWHERE
          && due[slot] <= now
          && (oldest == NOWHERE || ticket[slot] < ticket[oldest])) {
        oldest = slot;
      }
    }
    return oldest == NOWHERE ? NOWHERE : stageOf[oldest];
  }

  /** When the next waiting row is due; {@link Long#MAX_VALUE} if nobody is. */
  long nextDue() {
    long next = Long.MAX_VALUE;
    for (int slot = 0; slot < stageOf.length; slot++) {
      if (stageOf[slot] != NOWHERE) {
        next = Math.min(next, due[slot]);
      }
    }
    return next;
  }
}
