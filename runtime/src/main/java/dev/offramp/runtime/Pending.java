package dev.offramp.runtime;

import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.scheduler.Row;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * A request that was submitted: a row to the scheduler, a future to who asked. No code of theirs
 * can be attached to it: it would run on the scheduler's thread.
 */
final class Pending implements Row, Future<Result> {
  private final CompletableFuture<Result> answer = new CompletableFuture<>();
  private final int[] tokens;
  private final Request request;
  private final BooleanSupplier allAtFullDepth;
  private final long deadline;
  private final List<String> labels;

  /**
   * @param tokens what the network takes
   * @param allAtFullDepth whether nobody may exit early any more
   * @param labels names of the classes
   */
  Pending(int[] tokens, Request request, BooleanSupplier allAtFullDepth, List<String> labels) {
    this.tokens = tokens;
    this.request = request;
    this.allAtFullDepth = allAtFullDepth;
    this.labels = labels;
    deadline =
        request.deadline() == null
            ? Row.NO_DEADLINE
            : System.nanoTime() + request.deadline().toNanos();
  }

  @Override
  public int[] tokens() {
    return tokens;
  }

  @Override
  public boolean fullDepth() {
    return request.fullDepth() || allAtFullDepth.getAsBoolean();
  }

  @Override
  public boolean probabilities() {
    return request.probabilities();
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
    answer.complete(Result.of(outcome, labels));
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
