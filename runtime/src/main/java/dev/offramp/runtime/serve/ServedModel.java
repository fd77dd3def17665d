package dev.offramp.runtime.serve;

import dev.offramp.calibrate.Certificate;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import dev.offramp.runtime.engine.Scope;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/**
 * A model directory under a name. It can be loaded again while it serves: requests go to the new
 * engine from then on, and the old one answers those that it has. Thread-safe.
 */
final class ServedModel implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ServedModel.class.getName());
  private static final int VERSION_DIGITS = 12;

  private final String name;
  private final Supplier<Engine> opener;
  private final int queueCapacity;
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
  record Loaded(Engine engine, Optional<Audit> audit, String version, String certificate)
      implements AutoCloseable {
    /**
     * Hands over requests that belong together, if there is room for all of them.
     *
     * @return the answers to come, or nothing if there is no room now
     * @throws RuntimeException as {@link Engine#trySubmitAll} does
     */
    Optional<List<Future<Result>>> submit(List<Request> requests) {
      List<Request> prepared = requests.stream().map(engine::prepared).toList();
      Optional<List<Future<Result>>> answers = engine.trySubmitAll(prepared);
      if (answers.isPresent() && audit.isPresent()) {
        prepared.forEach(audit.get()::consider);
      }
      return answers;
    }

    /** Answers what it has, frees the device, and ends its audit. */
    @Override
    public void close() {
      try {
        engine.close();
      } finally {
        audit.ifPresent(Audit::close);
      }
    }
  }

  /** Where a model is in its life. */
  enum State {
    LOADING,
    READY,
    FAILED
  }

  ServedModel(String name, Path directory, EngineOptions options, AuditOptions auditOptions) {
    this(name, () -> Engine.open(directory, options), options.queue(), auditOptions);
  }

  /**
   * @param opener opens the engine, each time that the model is loaded
   * @param queueCapacity of all of these engines
   */
  ServedModel(String name, Supplier<Engine> opener, int queueCapacity, AuditOptions auditOptions) {
    this.name = name;
    this.opener = opener;
    this.queueCapacity = queueCapacity;
    this.auditOptions = auditOptions;
  }

  String name() {
    return name;
  }

  State state() {
    Loaded loaded = current;
    if (loaded != null) {
      // One that was replaced this moment is closed, too.
      return loaded.engine.isOpen() || loaded != current ? State.READY : State.FAILED;
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

  /** Takes note of such a request. */
  void reject() {
    rejected.increment();
  }

  /** What the loaded model takes of the Java heap, in bytes: on {@code jvm} all that it has. */
  long heapBytes() {
    Engine engine = current.engine;
    return engine.device().id().equals("jvm") ? engine.deviceBytes() : 0;
  }

  int queueCapacity() {
    return queueCapacity;
  }

  /**
   * Loads the directory, for the first time or again, and warms it up; takes some seconds. If that
   * fails, what was served before is served on.
   *
   * @return whether it was loaded: not if that is being done already
   * @throws RuntimeException what {@link Engine#open} throws
   * @throws IllegalStateException if the service is shutting down
   */
  boolean load() {
    if (!loading.compareAndSet(false, true)) {
      return false;
    }
    try {
      Loaded former = replace(opener.get());
      failure = null;
      LOG.log(
          System.Logger.Level.INFO,
          "model {0} is ready: version {1}, certificate {2}, device {3}",
          name,
          current.version,
          current.certificate == null ? "none" : current.certificate,
          current.engine.device().id());
      if (former != null) {
        close(former);
      }
      return true;
    } catch (RuntimeException | Error e) {
      failure = e.getMessage() == null ? e.toString() : e.getMessage();
      throw e;
    } finally {
      loading.set(false);
    }
  }

  /** Closes what was served before. Should that fail, the model is loaded all the same. */
  private void close(Loaded former) {
    try {
      if (former.audit.equals(current.audit)) {
        former.engine.close(); // Its audit goes on with the new one.
      } else {
        former.close();
      }
    } catch (RuntimeException e) {
      LOG.log(
          System.Logger.Level.ERROR,
          "model " + name + ": what was served before could not be closed",
          e);
    } finally {
      former.audit.ifPresent(Audit::formerIsClosed);
    }
  }

  /** Serves another engine from now on; returns what was served before. */
  private synchronized Loaded replace(Engine engine) {
    try (Scope failed = new Scope()) {
      failed.add(engine);
      if (closed) {
        throw new IllegalStateException("the service is shutting down");
      }
      Loaded former = current;
      Certificate certificate = engine.thresholds().certificate();
      String version = engine.modelHash().substring(0, VERSION_DIGITS);
      String id = certificate == null ? null : certificate.id();
      boolean same =
          former != null
              && former.version.equals(version)
              && Objects.equals(former.certificate, id);
      Optional<Audit> audit = same ? former.audit : Audit.of(name, engine, auditOptions);
      if (same) {
        audit.ifPresent(known -> known.continueOn(engine));
      }
      current = new Loaded(engine, audit, version, id);
      failed.release();
      return former;
    }
  }

  /** Answers what was accepted, then frees the device. */
  @Override
  public void close() {
    Loaded last;
    synchronized (this) {
      closed = true;
      last = current;
    }
    if (last != null) {
      last.close();
    }
  }
}
