package dev.offramp.runtime.scheduler;

import java.util.function.Consumer;

/** Where a scheduler's rows come from. */
public interface Intake {
  /** The next row, or null if there is none now. */
  Row poll();

  /** The next row to be audited, or null if there is none now. */
  default AuditRow pollBackground() {
    return null;
  }

  /** Hands rows that nobody wants any more at that time to {@code unwanted}, and forgets them. */
  default void sweep(long now, Consumer<Row> unwanted) {}

  /** Whether {@link #poll} will never give a row again. */
  boolean ended();

  /** Returns when there may be a row, when it has ended, or after that time. */
  void await(long nanos);
}
