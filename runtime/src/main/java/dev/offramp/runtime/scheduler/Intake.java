package dev.offramp.runtime.scheduler;

/** Where a scheduler's rows come from. */
public interface Intake {
  /** The next row, or null if there is none now. */
  Row poll();

  /** Whether {@link #poll} will never give a row again. */
  boolean ended();

  /** Returns when there may be a row, when it has ended, or after that time. */
  void await(long nanos);
}
