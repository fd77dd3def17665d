package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** Guests come at their times; waiting moves the clock. */
class Door implements Intake {
  private final Deque<Guest> coming = new ArrayDeque<>();
  private final Deque<Guest> background = new ArrayDeque<>();
  private final ScriptedStages stages;

  Door(List<Guest> guests, ScriptedStages stages) {
    guests.forEach(guest -> (guest.audited ? background : coming).add(guest));
    this.stages = stages;
  }

  @Override
  public Row poll() {
    return coming.isEmpty() || coming.peek().arrival > stages.now ? null : coming.remove();
  }

  @Override
  public AuditRow pollBackground() {
    boolean none = background.isEmpty() || background.peek().arrival > stages.now;
    return none ? null : background.remove().audit();
  }

  @Override
  public boolean ended() {
    return coming.isEmpty();
  }

  @Override
  public void await(long nanos) {
    assertThat(nanos).as("a wait while somebody is overdue").isPositive();
    assertThat(coming.isEmpty() && nanos == Long.MAX_VALUE).as("a wait for ever").isFalse();
    long next = coming.isEmpty() ? Long.MAX_VALUE : coming.peek().arrival;
    long until = nanos == Long.MAX_VALUE ? next : Math.min(next, stages.now + nanos);
    stages.now = Math.max(stages.now, until);
  }
}
