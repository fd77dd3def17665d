package dev.offramp.kernels.jvm;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that share the tasks of one job after the other with the caller's thread. Idle threads
 * spin for a moment, since the next job mostly follows within microseconds, then park.
 */
final class Workers implements AutoCloseable {
  /** A part of a job; parts run in any order on any thread. */
  @FunctionalInterface
  interface Task {
    void run(int index, Scratch scratch);
  }

  /** A part of a job over the numbers from (inclusive) to (exclusive). */
  @FunctionalInterface
  interface RangeTask {
    void run(int from, int to, Scratch scratch);
  }

  private static final long SPIN_NANOS = 50_000;
  private static final int RANGES_PER_THREAD = 8;
  private static final Job NONE = new Job(0, null);

  private final Worker[] workers;
  private final Scratch callerScratch = new Scratch();
  private volatile Job job = NONE;
  private volatile boolean closed;

  Workers(int threads) {
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker("offramp-jvm-" + (i + 1));
      workers[i].start();
    }
  }

  /** Threads that compute, the caller's included. */
  int threads() {
    return workers.length + 1;
  }

  /** Runs tasks 0 to count - 1 and returns when all are done; throws what a task threw. */
  void run(int count, Task task) {
    Job mine = new Job(count, task);
    if (count > 1) {
      job = mine;
      for (int i = 0; i < Math.min(workers.length, count - 1); i++) {
        workers[i].wake();
      }
    }
    mine.work(callerScratch);
    mine.join();
  }

  /** Splits the numbers below {@code count} into ranges of at least {@code grain} and runs them. */
  void ranges(int count, int grain, RangeTask task) {
    int most = threads() == 1 ? 1 : threads() * RANGES_PER_THREAD;
    int parts = Math.clamp(count / grain, Math.min(count, 1), most);
    run(
        parts,
        (i, scratch) ->
            task.run(
                (int) ((long) count * i / parts), (int) ((long) count * (i + 1) / parts), scratch));
  }

  @Override
  public void close() {
    closed = true;
    for (Worker worker : workers) {
      LockSupport.unpark(worker);
    }
  }

  private final class Worker extends Thread {
    private final Scratch scratch = new Scratch();
    private volatile boolean parked;

    Worker(String name) {
      super(name);
      setDaemon(true);
    }

    @Override
    public void run() {
      Job last = NONE;
      while (!closed) {
        last = next(last);
        last.work(scratch);
      }
    }

    private Job next(Job last) {
      long deadline = System.nanoTime() + SPIN_NANOS;
      while (job == last && !closed) {
        if (System.nanoTime() < deadline) {
          Thread.onSpinWait();
        } else {
          parked = true;
          if (job == last && !closed) {
            LockSupport.park(Workers.this);
          }
          parked = false;
        }
      }
      return job;
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(this);
      }
    }
  }

  private static final class Job {
    private final int count;
    private final AtomicInteger claimed = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private Task task;
    private volatile Throwable failure;
    private volatile Thread waiting;

    Job(int count, Task task) {
      this.count = count;
      this.task = task;
    }

    void work(Scratch scratch) {
      for (int i = claimed.getAndIncrement(); i < count; i = claimed.getAndIncrement()) {
        try {
          if (failure == null) {
            task.run(i, scratch);
          }
        } catch (Throwable thrown) {
          failure = thrown;
        }
        if (done.incrementAndGet() == count) {
          LockSupport.unpark(waiting);
        }
      }
    }

    void join() {
      long deadline = System.nanoTime() + SPIN_NANOS;
      while (done.get() < count) {
        if (System.nanoTime() < deadline) {
          Thread.onSpinWait();
        } else {
          waiting = Thread.currentThread();
          if (done.get() < count) {
            LockSupport.park(this);
          }
        }
      }
      task = null; // idle workers still hold the job
      switch (failure) {
        case null -> {}
        case RuntimeException thrown -> throw thrown;
        case Error thrown -> throw thrown;
        case Throwable thrown -> throw new AssertionError("tasks throw nothing checked", thrown);
      }
    }
  }
}
