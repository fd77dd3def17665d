package dev.offramp.runtime;

import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.scheduler.Row;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A request that was submitted: a row to the scheduler, a future to who asked. No code of theirs
 * can be attached to it: it would run on the scheduler's thread.
 */
final class Pending implements Row, Future<Result> {
  private final CompletableFuture<Result> answer = new CompletableFuture<>();
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
    return answer.isCancelled();
  }

  @Override
  public void done(Outcome outcome) {
    int prediction = outcome.prediction();
    answer.complete(
        new Result(prediction, labels.get(prediction), outcome.confidence(), outcome.exit()));
  }

  @Override
  public void failed(Throwable cause) {
    answer.completeExceptionally(cause);
  }

  /** Does nothing to a future that was cancelled. */
  @Override
  public void dropped() {
    answer.completeExceptionally(new DeadlineException());
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    return answer.cancel(mayInterruptIfRunning);
  }

  @Override
  public boolean isCancelled() {
    return answer.isCancelled();
  }

  @Override
  public boolean isDone() {
    return answer.isDone();
  }

  @Override
  public Result get() throws InterruptedException, ExecutionException {
    return answer.get();
  }

  @Override
  public Result get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return answer.get(timeout, unit);
  }
}
