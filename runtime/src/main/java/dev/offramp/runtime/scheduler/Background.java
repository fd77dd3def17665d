package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.engine.Stages;

/**
 * Audits rows, one at a time, in a slot that no other row gets. It runs a stage when it is told to
 * and waits for it, so that whoever comes meanwhile waits for one stage of one row.
 */
final class Background {
  private final Stages stages;
  private final Floors floors;
  private final Floors every; // asks at every exit, so that a step is never more than a stage
  private final int[] slot;
  private final int[] length = new int[1];
  private AuditRow row; // or null
  private int stage; // that it runs next
  private Outcome early; // or null, if it has not been confident so far

  Background(Stages stages, Floors floors) {
    this.stages = stages;
    this.floors = floors;
    every = Floors.of(new double[floors.last()], stages.count());
    slot = new int[] {stages.slots()};
  }

  /**
   * Runs a stage; nothing else may be under way.
   *
   * @return whether there was one to run
   */
  boolean run(Intake intake, int lane) {
    if (row == null && !begin(intake.pollBackground())) {
      return false;
    }
    try {
      stages.launch(lane, stage, stage, every, slot, length, 1, row.probabilities());
      stages.await(lane);
    } catch (RuntimeException | Error e) {
      end().failed(e);
      return true;
    }
    if (stage == floors.last()) {
      Outcome full = outcome(lane);
      Outcome first = early == null ? full : early;
      end().done(first, full);
    } else {
      if (early == null
          && floors.asks(stage)
          && floors.leaves(stage, stages.confidence(lane, stage, 0))) {
        early = outcome(lane);
      }
      stage++;
    }
    return true;
  }

  /** Lets the row go that is being audited, if any. */
  void drop() {
    if (row != null) {
      end().dropped();
    }
  }

  private boolean begin(AuditRow next) {
    if (next == null) {
      return false;
    }
    try {
      stages.enter(slot[0], next.tokens());
    } catch (IllegalArgumentException e) {
      next.failed(e);
      return false;
    }
    row = next;
    length[0] = next.tokens().length;
    stage = 0;
    return true;
  }

  private AuditRow end() {
    AuditRow ended = row;
    row = null;
    early = null;
    return ended;
  }

  private Outcome outcome(int lane) {
    return new Outcome(
        stages.prediction(lane, stage, 0),
        stages.confidence(lane, stage, 0),
        stage,
        row.probabilities() ? stages.probabilities(lane, stage, 0) : null);
  }
}
