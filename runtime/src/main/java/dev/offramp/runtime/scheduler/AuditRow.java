package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.Outcome;

/**
 * A row that is run in time that no other row has a use for, to the last exit, to compare its
 * answer there with the one that it would have left with. All methods are called by the scheduler's
 * thread; exactly one of {@link #done}, {@link #failed} and {@link #dropped} is called, once. They
 * must neither block nor throw.
 */
public interface AuditRow {
  /** As {@link Row#tokens}. */
  int[] tokens();

  /** Whether the outcomes tell the probabilities of all classes. */
  boolean probabilities();

  /**
   * It has run to the end.
   *
   * @param early what it would have left with, by the thresholds; the same as full if it would have
   *     gone to the last exit
   */
  void done(Outcome early, Outcome full);

  /** The device failed while it ran this row, or the row is not fit for it. */
  void failed(Throwable cause);

  /** No more time comes. */
  void dropped();
}
