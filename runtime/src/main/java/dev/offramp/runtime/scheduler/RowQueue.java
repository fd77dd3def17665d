package dev.offramp.runtime.scheduler;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Rows that any thread hands over and that wait for a slot. There is room for so many; who comes
 * beyond them waits, which is what keeps memory bounded.
 */
public final class RowQueue implements Intake {
  /** How often rows that nobody wants any more are looked for, in nanoseconds. */
  private static final long SWEEP = TimeUnit.MILLISECONDS.toNanos(5);

  private final int capacity;
  private final int backgroundCapacity;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private final Condition room = lock.newCondition();
  private final ArrayDeque<Row> waiting = new ArrayDeque<>();
  private final ArrayDeque<AuditRow> background = new ArrayDeque<>();
  private boolean closed;
  private Throwable failure;
  private long accepted;
  private long swept = System.nanoTime();

  /**
   * @param capacity rows that may wait
   * @param backgroundCapacity rows that may wait to be audited, beside them
   */
  public RowQueue(int capacity, int backgroundCapacity) {
    this.capacity = capacity;
    this.backgroundCapacity = backgroundCapacity;
  }

  /**
   * Adds a row, if need be after a wait for room.
   *
   * @return whether it was added: not if its deadline passed meanwhile
   * @throws IllegalStateException if the queue is or gets closed
   */
  public boolean put(Row row) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (requireOpen() && waiting.size() >= capacity) {
        if (row.deadline() == Row.NO_DEADLINE) {
          room.await();
        } else {
          long left = row.deadline() - System.nanoTime();
          if (left <= 0) {
            return false;
          }
          room.awaitNanos(left);
        }
      }
      add(row);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #offerAll}, for one row. */
  public boolean offer(Row row) {
    return offerAll(List.of(row));
  }

  /**
   * Adds rows if there is room for all of them at once.
   *
   * @return whether they were added
   * @throws IllegalStateException if the queue is closed
   */
  public boolean offerAll(List<? extends Row> rows) {
    lock.lock();
    try {
      requireOpen();
      boolean fit = rows.size() <= capacity - waiting.size();
      if (fit) {
        waiting.addAll(rows);
        accepted += rows.size();
        arrived.signal();
      }
      return fit;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Adds a row to be audited, if there is room at once.
   *
   * @return whether it was added: not if the queue is closed either
   */
  public boolean offerBackground(AuditRow row) {
    lock.lock();
    try {
      boolean fits = !closed && background.size() < backgroundCapacity;
      if (fits) {
        background.add(row);
        arrived.signal();
      }
      return fits;
    } finally {
      lock.unlock();
    }
  }

  private boolean requireOpen() {
    if (failure != null) {
      throw new IllegalStateException("the engine has failed: " + failure, failure);
    }
    if (closed) {
      throw new IllegalStateException("the engine is closed");
    }
    return true;
  }

  private void add(Row row) {
    waiting.add(row);
    accepted++;
    arrived.signal();
  }

  @Override
  public Row poll() {
    lock.lock();
    try {
      Row next = waiting.poll();
      if (next != null) {
        room.signal();
      }
      return next;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public AuditRow pollBackground() {
    lock.lock();
    try {
      return background.poll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void sweep(long now, Consumer<Row> unwanted) {
    if (now - swept < SWEEP) {
      return;
    }
    swept = now;
    List<Row> gone = new ArrayList<>();
    lock.lock();
    try {
      waiting.removeIf(row -> row.unwanted(now) && gone.add(row));
      if (!gone.isEmpty()) {
        room.signalAll();
      }
    } finally {
      lock.unlock();
    }
    gone.forEach(unwanted);
  }

  @Override
  public boolean ended() {
    lock.lock();
    try {
      return closed && waiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void await(long nanos) {
    lock.lock();
    try {
      if (waiting.isEmpty() && background.isEmpty() && !closed && nanos > 0) {
        arrived.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      // Nobody but the engine has this thread; it ends when the queue has been closed.
    } finally {
      lock.unlock();
    }
  }

  /** Rows that may wait. */
  public int capacity() {
    return capacity;
  }

  /** Whether rows are taken. */
  public boolean isOpen() {
    lock.lock();
    try {
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  /** Rows that have been handed over so far. */
  public long accepted() {
    lock.lock();
    try {
      return accepted;
    } finally {
      lock.unlock();
    }
  }

  /** Rows that wait at the moment. */
  public int size() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /** Rows that wait to be audited. */
  public int backgroundSize() {
    lock.lock();
    try {
      return background.size();
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more rows; those that wait are still handed out, but for audits. */
  public void close() {
    List<AuditRow> unwanted;
    lock.lock();
    try {
      closed = true;
      unwanted = List.copyOf(background);
      background.clear();
      arrived.signalAll();
      room.signalAll();
    } finally {
      lock.unlock();
    }
    unwanted.forEach(AuditRow::dropped);
  }

  /** Takes no more rows and fails those that wait. */
  public void fail(Throwable cause) {
    List<Row> lost;
    lock.lock();
    try {
      failure = cause;
      close();
      lost = List.copyOf(waiting);
      waiting.clear();
    } finally {
      lock.unlock();
    }
    lost.forEach(row -> row.failed(cause));
  }
}
