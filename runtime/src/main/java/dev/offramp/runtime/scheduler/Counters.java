package dev.offramp.runtime.scheduler;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.LongStream;

/** What a scheduler has done so far. Written by its thread, read by any. */
public final class Counters {
  private final AtomicLongArray left; // (stages)
  private final AtomicLongArray steps; // (stages)
  private final AtomicLongArray rows; // (stages)
  private final AtomicLongArray nanos; // (stages)
  private final LongAdder dropped = new LongAdder();
  private final LongAdder failed = new LongAdder();

  Counters(int stages) {
    left = new AtomicLongArray(stages);
    steps = new AtomicLongArray(stages);
    rows = new AtomicLongArray(stages);
    nanos = new AtomicLongArray(stages);
  }

  /** Notes a step of stages from (inclusive) to (inclusive), whose time goes to the first. */
  void step(int from, int to, int count, long time) {
    for (int stage = from; stage <= to; stage++) {
      steps.incrementAndGet(stage);
      rows.addAndGet(stage, count);
    }
    nanos.addAndGet(from, time);
  }

  void left(int exit) {
    left.incrementAndGet(exit);
  }

  void dropped() {
    dropped.increment();
  }

  void failed() {
    failed.increment();
  }

  /** Rows that left at each exit, shape [stages]. */
  public long[] left() {
    return values(left);
  }

  /** Steps that ran each stage, shape [stages]. */
  public long[] steps() {
    return values(steps);
  }

  /** Rows that each stage was run on, shape [stages]. */
  public long[] rows() {
    return values(rows);
  }

  /** Nanoseconds from launch to answer of the steps that began with each stage, shape [stages]. */
  public long[] nanos() {
    return values(nanos);
  }

  /** Rows that were done. */
  public long done() {
    return LongStream.of(left()).sum();
  }

  /** Rows that were cancelled or whose deadline passed. */
  public long droppedRows() {
    return dropped.sum();
  }

  /** Rows of steps in which the device failed. */
  public long failedRows() {
    return failed.sum();
  }

  private static long[] values(AtomicLongArray array) {
    long[] values = new long[array.length()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i);
    }
    return values;
  }
}
