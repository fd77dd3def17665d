package dev.offramp.runtime.serve;

import dev.offramp.runtime.Engine;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * A model directory under a name. It can be loaded again while it serves: requests go to the new
 * engine from then on, and the old one answers those that it has. Thread-safe.
 */
final class ServedModel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ServedModel.class.getName());
  private static final int VERSION_DIGITS = 12;

  private final String name;
  private final Path directory;
  private final EngineOptions options;
  private final AuditOptions auditOptions;
  private final LongAdder rejected = new LongAdder();
  private volatile Loaded current; // null until it was loaded for the first time
  private volatile String failure; // of the last attempt to load it, or null
  private final AtomicBoolean loading = new AtomicBoolean();
  private boolean closed;

  /**
   * An engine and what belongs to it.
   *
   * @param version tells model directories of different content apart
   * @param certificate the certificate's id, or null without one
   */
  record Loaded(Engine engine, Optional<Audit> audit, String version, String certificate) {}

  /** Where a model is in its life. */
  enum State {
    LOADING,
    READY,
    FAILED
  }

  /** Results, and the engine that they come from. */
  record Answer(Loaded by, List<Result> results) {}

  ServedModel(String name, Path directory, EngineOptions options, AuditOptions auditOptions) {
    this.name = name;
    this.directory = directory;
    this.options = options;
    this.auditOptions = auditOptions;
  }

  String name() {
    return name;
  }

  State state() {
    Loaded loaded = current;
    if (loaded != null) {
      return loaded.engine.isOpen() ? State.READY : State.FAILED;
    }
    return failure == null ? State.LOADING : State.FAILED;
  }

  /** What is served, or null before it was loaded for the first time. */
  Loaded current() {
    return current;
  }

  /** Why the directory could not be loaded when that was last tried, or null. */
  String failure() {
    return failure;
  }

  /** Requests that were turned away since the queue was full. */
  long rejected() {
    return rejected.sum();
  }

  int queueCapacity() {
    return options.queue();
  }

  /**
   * As {@link #load}, unless it is being loaded at the moment.
   *
   * @return whether it was loaded
   */
  boolean tryLoad() {
    if (!loading.compareAndSet(false, true)) {
      return false;
    }
    try {
      load();
      return true;
    } finally {
      loading.set(false);
    }
  }

  /**
   * Loads the directory, for the first time or again, and warms it up; takes some seconds. If that
   * fails, what was served before is served on.
   *
   * @throws RuntimeException what {@link Engine#open} throws
   */
  synchronized void load() {
    if (closed) {
      throw new IllegalStateException("the service is shutting down");
    }
    Engine engine;
    try {
      engine = Engine.open(directory, options);
    } catch (RuntimeException | Error e) {
      failure = e.getMessage() == null ? e.toString() : e.getMessage();
      throw e;
    }
    var certificate = engine.thresholds().certificate();
    Loaded former = current;
    current =
        new Loaded(
            engine,
            Audit.of(name, engine, auditOptions),
            engine.modelHash().substring(0, VERSION_DIGITS),
            certificate == null ? null : certificate.id());
    failure = null;
    LOG.log(
        System.Logger.Level.INFO,
        "model {0} is ready: version {1}, certificate {2}, device {3}",
        name,
        current.version,
        current.certificate == null ? "none" : current.certificate,
        engine.device().id());
    if (former != null) {
      former.engine.close(); // Answers what it has.
    }
  }

  /**
   * Runs requests that belong together, all of them or none.
   *
   * @param submitted gets the futures that a client who goes away wants cancelled
   * @return the results in the order of the requests; nothing if there is no room for them now
   * @throws ExecutionException if one of them failed
   * @throws CancellationException if one of them was cancelled
   * @throws NotReadyException if the model has not been loaded or is not served any more
   */
  Optional<Answer> answer(List<Request> requests, Consumer<List<Future<Result>>> submitted)
      throws ExecutionException, InterruptedException {
    while (true) {
      Loaded loaded = current;
      if (loaded == null) {
        throw new NotReadyException();
      }
      try {
        return answer(loaded, requests, submitted);
      } catch (EngineClosedException e) {
        if (current == loaded) {
          throw new NotReadyException();
        } // Else it was loaded anew meanwhile.
      }
    }
  }

  private Optional<Answer> answer(
      Loaded loaded, List<Request> requests, Consumer<List<Future<Result>>> submitted)
      throws ExecutionException, InterruptedException, EngineClosedException {
    List<Future<Result>> futures = new ArrayList<>(requests.size());
    boolean[] drawn = new boolean[requests.size()];
    for (int i = 0; i < requests.size(); i++) {
      Request request = requests.get(i);
      drawn[i] =
          loaded.audit.isPresent()
              && !request.fullDepth()
              && !loaded.engine.exitsStopped()
              && loaded.audit.get().draws();
      Optional<Future<Result>> future;
      try {
        future = loaded.engine.trySubmit(drawn[i] ? loaded.audit.get().widened(request) : request);
      } catch (IllegalStateException e) {
        futures.forEach(all -> all.cancel(true));
        throw new EngineClosedException(e);
      } catch (RuntimeException e) {
        futures.forEach(all -> all.cancel(true));
        throw e;
      }
      if (future.isEmpty()) {
        futures.forEach(all -> all.cancel(true));
        rejected.increment();
        return Optional.empty();
      }
      futures.add(future.get());
    }
    submitted.accept(futures);
    List<Result> results = new ArrayList<>(futures.size());
    try {
      for (int i = 0; i < futures.size(); i++) {
        Result result = futures.get(i).get();
        results.add(result);
        if (drawn[i]) {
          loaded.audit.get().answered(requests.get(i), result);
        }
      }
    } finally {
      futures.forEach(all -> all.cancel(true)); // Does nothing to those that are done.
    }
    return Optional.of(new Answer(loaded, results));
  }

  /** The model has not been loaded, or is not served any more. */
  static final class NotReadyException extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  /** An engine was closed or has failed before it had taken all of the requests. */
  private static final class EngineClosedException extends Exception {
    private static final long serialVersionUID = 1;

    EngineClosedException(IllegalStateException cause) {
      super(cause);
    }
  }

  /** Answers what was accepted, then frees the device. */
  @Override
  public synchronized void close() {
    closed = true;
    if (current != null) {
      current.engine.close();
    }
  }
}
