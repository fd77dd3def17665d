package dev.offramp.runtime;

import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.scheduler.Row;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A request that was submitted: a row to the scheduler, a future to who asked. */
final class Pending extends CompletableFuture<Result> implements Row {
  private final int[] tokens;
  private final boolean fullDepth;
  private final long deadline;
  private final List<String> labels;

  Pending(int[] tokens, boolean fullDepth, long deadline, List<String> labels) {
    this.tokens = tokens;
    this.fullDepth = fullDepth;
    this.deadline = deadline;
    this.labels = labels;
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
  public long deadline() {
    return deadline;
  }

  @Override
  public boolean cancelled() {
    return isDone();
  }

  @Override
  public void done(Outcome outcome) {
    int prediction = outcome.prediction();
    complete(new Result(prediction, labels.get(prediction), outcome.confidence(), outcome.exit()));
  }

  @Override
  public void failed(Throwable cause) {
    completeExceptionally(cause);
  }

  /** Does nothing to a future that was cancelled. */
  @Override
  public void dropped() {
    completeExceptionally(new DeadlineException());
  }
}
