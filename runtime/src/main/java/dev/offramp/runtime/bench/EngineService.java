package dev.offramp.runtime.bench;

import dev.offramp.runtime.engine.DeviceStages;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Network;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.scheduler.Row;
import dev.offramp.runtime.scheduler.RowQueue;
import dev.offramp.runtime.scheduler.Scheduler;
import dev.offramp.runtime.scheduler.WarmUp;

/** The scheduler, as an engine runs it: rows join those that are on their way already. */
final class EngineService implements Service {
  private static final int STEPS_OF_SLOTS = 2;

  private final String name;
  private final DeviceStages stages;
  private final RowQueue queue = new RowQueue(Integer.MAX_VALUE);
  private final Thread thread;
  private volatile Throwable failure;

  /**
   * Warms the stages up; then it is ready.
   *
   * @param network stays open when this is closed
   * @param maxWaitNanos as {@link Scheduler} takes it
   */
  EngineService(
      String name,
      Network network,
      double[] thresholds,
      int batch,
      int maxTokens,
      long maxWaitNanos) {
    this.name = name;
    stages = DeviceStages.open(network, STEPS_OF_SLOTS, batch, maxTokens);
    Scheduler scheduler =
        new Scheduler(
            stages,
            Floors.of(thresholds, network.stages()),
            WarmUp.measure(stages),
            maxWaitNanos,
            System::nanoTime);
    thread = Thread.ofPlatform().name(name).daemon().start(() -> scheduler.run(queue));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void submit(int[] tokens, Runnable answered) {
    rethrow();
    queue.offer(
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
    queue.close();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    stages.close();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    rethrow();
  }
}
