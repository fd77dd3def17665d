package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.Outcome;

/**
 * What comes into a scheduler: a row to be computed, and where its outcome goes. All methods are
 * called by the scheduler's thread; exactly one of {@link #done}, {@link #failed} and {@link
 * #dropped} is called, once. They must neither block nor throw.
 */
public interface Row {
  /** No deadline. */
  long NO_DEADLINE = Long.MAX_VALUE;

  /** Token ids, 1 to the longest that the scheduler's stages take. */
  int[] tokens();

  /** Whether the row runs to the last exit, whatever its confidence. */
  default boolean fullDepth() {
    return false;
  }

  /** Whether the outcome tells the probabilities of all classes. */
  default boolean probabilities() {
    return false;
  }

  /** When the outcome will be of no use any more, by the scheduler's clock. */
  default long deadline() {
    return NO_DEADLINE;
  }

  /** Whether somebody has told that the outcome is not wanted any more. */
  default boolean cancelled() {
    return false;
  }

  /** Whether nobody wants the outcome any more at that time. */
  default boolean unwanted(long now) {
    return cancelled() || (deadline() != NO_DEADLINE && deadline() - now <= 0);
  }

  void done(Outcome outcome);

  /** The device failed while it ran this row. */
  void failed(Throwable cause);

  /** The row was cancelled or its deadline passed before it was done. */
  default void dropped() {}
}
