package dev.offramp.runtime;

import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.scheduler.AuditRow;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A request that is to be audited.
 *
 * @param tokens what the network takes
 * @param labels names of the classes
 * @param answer what is found
 */
record PendingAudit(
    int[] tokens, boolean probabilities, List<String> labels, CompletableFuture<Audited> answer)
    implements AuditRow {
  PendingAudit(int[] tokens, boolean probabilities, List<String> labels) {
    this(tokens, probabilities, labels, new CompletableFuture<>());
  }

  @Override
  public void done(Outcome early, Outcome full) {
    Result last = Result.of(full, labels);
    answer.complete(new Audited(early == full ? last : Result.of(early, labels), last));
  }

  @Override
  public void failed(Throwable cause) {
    answer.completeExceptionally(cause);
  }

  @Override
  public void dropped() {
    answer.cancel(false);
  }
}
