package dev.offramp.runtime.bench;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Network;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.scheduler.Row;
import dev.offramp.runtime.scheduler.Worker;

/** The scheduler, as an engine runs it: rows join those that are on their way already. */
final class EngineService implements Service {
  private final String name;
  private final Worker worker;
  private volatile Throwable failure;

  /**
   * Warms the stages up; then it is ready.
   *
   * @param network stays open when this is closed
   * @param maxWaitNanos as {@link Worker} takes it
   */
  EngineService(
      String name,
      Network network,
      double[] thresholds,
      int batch,
      int maxTokens,
      long maxWaitNanos) {
    this.name = name;
    Floors floors = Floors.of(thresholds, network.stages());
    worker = new Worker(name, network, floors, batch, maxTokens, maxWaitNanos, Integer.MAX_VALUE);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void submit(int[] tokens, Runnable answered) {
    rethrow();
    worker
        .queue()
        .offer(
            new Row() {
              @Override
              public int[] tokens() {
                return tokens;
              }

              @Override
              public void done(Outcome outcome) {
                answered.run();
              }

              @Override
              public void failed(Throwable cause) {
                failure = cause;
                answered.run();
              }
            });
  }

  private void rethrow() {
    Throwable thrown = failure;
    failure = null;
    if (thrown != null) {
      throw new IllegalStateException(name + " failed", thrown);
    }
  }

  @Override
  public void close() {
    worker.close();
    rethrow();
  }
}
