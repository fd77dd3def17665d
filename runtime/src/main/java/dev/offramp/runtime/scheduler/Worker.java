package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.DeviceStages;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Network;
import dev.offramp.runtime.engine.Scope;

/**
 * A scheduler on a thread of its own, with the queue that it takes rows from. Until it is closed
 * that thread alone uses the device. Thread-safe.
 */
public final class Worker implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Worker.class.getName());

  /** Tokens or pixels of all rows that wait to be audited: 32 MB. */
  private static final int AUDIT_NUMBERS = 8 << 20;

  private final DeviceStages stages;
  private final CostModel cost;
  private final Scheduler scheduler;
  private final RowQueue queue;
  private final Thread thread;

  /**
   * Warms the device up on the caller's thread; when this returns, rows are taken.
   *
   * @param name of the thread
   * @param network stays open when this is closed
   * @param batch rows of a step at most
   * @param maxTokens longest row
   * @param maxWaitNanos as {@link Scheduler} takes it
   * @param room rows that may wait for a slot
   */
  public Worker(
      String name,
      Network network,
      Floors floors,
      int batch,
      int maxTokens,
      long maxWaitNanos,
      int room) {
    try (Scope failed = new Scope()) {
      stages = failed.add(DeviceStages.open(network, batch, maxTokens, true));
      cost = WarmUp.measure(stages);
      WarmUp.lengths(stages);
      scheduler = new Scheduler(stages, floors, cost, maxWaitNanos, System::nanoTime);
      int audits = Math.clamp(AUDIT_NUMBERS / maxTokens, 1, room);
      queue = new RowQueue(room, audits);
      thread = Thread.ofPlatform().name(name).daemon().unstarted(this::run);
      failed.release();
    }
    thread.start();
  }

  private void run() {
    try {
      scheduler.run(queue);
    } catch (RuntimeException | Error e) {
      // Nobody may wait for an answer that nobody will give.
      queue.fail(e);
      scheduler.abandon(e);
      LOG.log(System.Logger.Level.ERROR, "the scheduler ended; please report it", e);
    }
  }

  /** Where rows are handed over. */
  public RowQueue queue() {
    return queue;
  }

  /** What stages cost, as measured at the start. */
  public CostModel cost() {
    return cost;
  }

  /** What has been done so far. */
  public Counters counters() {
    return scheduler.counters();
  }

  /** Waits for a thread's end, however often this one is interrupted, which it is told after. */
  public static void awaitEnd(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Takes no more rows, waits for all that were accepted, and frees the slots. */
  @Override
  public synchronized void close() {
    queue.close();
    awaitEnd(thread); // What is running must end before its memory goes.
    stages.close();
  }
}
