package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.Outcome;
import java.util.ArrayList;
import java.util.List;

/** A row that knows when it came and what became of it. */
class Guest implements Row {
  final int number;
  final int[] tokens;
  final long arrival;
  boolean fullDepth;
  boolean cancelled;
  boolean audited;
  boolean probabilities;
  long deadline = NO_DEADLINE;
  final List<Object> ends = new ArrayList<>();
  long ended;
  private final ScriptedStages stages;

  Guest(int number, int length, long arrival, ScriptedStages stages) {
    this.number = number;
    tokens = new int[length];
    tokens[0] = number;
    this.arrival = arrival;
    this.stages = stages;
  }

  @Override
  public int[] tokens() {
    return tokens;
  }

  @Override
  public boolean fullDepth() {
    return fullDepth;
  }

  @Override
  public boolean cancelled() {
    return cancelled;
  }

  @Override
  public long deadline() {
    return deadline;
  }

  @Override
  public boolean probabilities() {
    return probabilities;
  }

  @Override
  public void done(Outcome outcome) {
    end(outcome);
  }

  @Override
  public void failed(Throwable cause) {
    end(cause);
  }

  @Override
  public void dropped() {
    end("dropped");
  }

  AuditRow audit() {
    return new AuditRow() {
      @Override
      public int[] tokens() {
        return tokens;
      }

      @Override
      public boolean probabilities() {
        return probabilities;
      }

      @Override
      public void done(Outcome early, Outcome full) {
        end(List.of(early, full));
      }

      @Override
      public void failed(Throwable cause) {
        end(cause);
      }

      @Override
      public void dropped() {
        end("dropped");
      }
    };
  }

  private void end(Object how) {
    ends.add(how);
    ended = stages.now;
  }
}
