package dev.offramp.runtime.bench;

import dev.offramp.runtime.scheduler.Worker;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Consumer;

/**
 * A thread that takes what waits in a queue, up to a batch, and runs it as one batch: batches grow
 * with the load, and no row waits for a batch to fill.
 */
public final class QueuedService implements Service {
  private final String name;
  private final int most;
  private final Consumer<List<int[]>> batches;
  private final Thread worker;

  /** Guards what follows. */
  private final Object lock = new Object();

  private final Queue<Request> waiting = new ArrayDeque<>();
  private boolean closed;
  private Throwable failure;

  private record Request(int[] tokens, Runnable answered) {}

  /**
   * @param most rows of a batch
   * @param batches runs a batch to the end, always on the same thread
   */
  public QueuedService(String name, int most, Consumer<List<int[]>> batches) {
    this.name = name;
    this.most = most;
    this.batches = batches;
    worker = Thread.ofPlatform().name(name).daemon().start(this::work);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void submit(int[] tokens, Runnable answered) {
    synchronized (lock) {
      rethrow();
      if (closed) {
        throw new IllegalStateException(name + " is closed");
      }
      waiting.add(new Request(tokens, answered));
      lock.notifyAll();
    }
  }

  private void work() {
    for (List<Request> batch = next(); !batch.isEmpty(); batch = next()) {
      try {
        batches.accept(batch.stream().map(Request::tokens).toList());
      } catch (Throwable e) { // An Error too: whoever waits for an answer has to hear of it.
        fail(e);
      }
      for (Request request : batch) {
        try {
          request.answered().run();
        } catch (Throwable e) {
          fail(e);
        }
      }
    }
  }

  /** Waits for rows; none are left where it gives none. */
  private List<Request> next() {
    List<Request> batch = new ArrayList<>(most);
    synchronized (lock) {
      while (waiting.isEmpty() && !closed) {
        try {
          lock.wait();
        } catch (InterruptedException e) {
          closed =
              true; // Nobody but close() knows this thread: what waits is answered, then it ends.
        }
      }
      while (batch.size() < most && !waiting.isEmpty()) {
        batch.add(waiting.remove());
      }
    }
    return batch;
  }

  private void fail(Throwable e) {
    synchronized (lock) {
      if (failure == null) {
        failure = e;
      } else if (failure != e) {
        failure.addSuppressed(e);
      }
    }
  }

  /** Throws the failure, once. */
  private void rethrow() {
    Throwable thrown = failure;
    failure = null;
    switch (thrown) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException(name + " failed", thrown);
    }
  }

  @Override
  public void close() {
    synchronized (lock) {
      closed = true;
      lock.notifyAll();
    }
    Worker.awaitEnd(worker);
    synchronized (lock) {
      rethrow();
    }
  }
}
