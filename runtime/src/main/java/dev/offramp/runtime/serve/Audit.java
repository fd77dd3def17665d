package dev.offramp.runtime.serve;

import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.FurtherRisk;
import dev.offramp.calibrate.Risk;
import dev.offramp.runtime.Audited;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.engine.Floors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;

/**
 * Watches the risk of a model's exits while it serves: a random share of its samples is audited,
 * whatever becomes of their answers, so that those which are late or exit nowhere count like all
 * others. What is compared needs no labels. Thread-safe.
 */
final class Audit implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Audit.class.getName());

  private final String model;
  private final AuditOptions options;
  private final List<WatchedRisk> risks;
  private final boolean probabilities;
  private final BlockingQueue<Future<Audited>> drawn = new LinkedBlockingQueue<>();
  private final LongAdder skipped = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final Thread observer;
  private volatile Engine engine;
  private Engine former; // which still has samples to answer, or null; guarded by this
  private boolean stopped; // guarded by this

  /**
   * What is known so far.
   *
   * @param done samples that were audited
   * @param waiting samples that wait for idle time
   * @param skipped samples that were not audited since too many waited
   * @param failed samples that the device failed on
   */
  record Report(
      AuditOptions options,
      long done,
      long waiting,
      long skipped,
      long failed,
      List<WatchedRisk.Report> risks) {}

  private Audit(String model, Engine engine, AuditOptions options, List<WatchedRisk> risks) {
    this.model = model;
    this.engine = engine;
    this.options = options;
    this.risks = risks;
    probabilities = risks.stream().anyMatch(WatchedRisk::needsProbabilities);
    observer = Thread.ofVirtual().name("audit-" + model).start(this::observe);
  }

  /** An audit of an engine, or nothing where no sample exits early or none is to be audited. */
  static Optional<Audit> of(String model, Engine engine, AuditOptions options) {
    boolean exits =
        Arrays.stream(engine.thresholds().thresholds()).anyMatch(lambda -> lambda < Floors.NEVER);
    if (!exits || options.rate() == 0) {
      return Optional.empty();
    }
    Map<Risk, Double> levels = levels(engine.thresholds().certificate());
    // Together the alarms of all risks are false with probability alarmDelta at most.
    long alarms =
        levels.entrySet().stream()
            .filter(level -> WatchedRisk.canAlarm(level.getKey(), level.getValue()))
            .count();
    double each = options.alarmDelta() / Math.max(1, alarms);
    List<WatchedRisk> risks = new ArrayList<>();
    levels.forEach((risk, epsilon) -> risks.add(new WatchedRisk(risk, epsilon, each)));
    if (options.onAlarm() == AuditOptions.OnAlarm.FULL_DEPTH) {
      risks.forEach(risk -> warnOfNoAlarm(model, risk.report()));
    }
    return Optional.of(new Audit(model, engine, options, risks));
  }

  /** Who has asked for what an alarm leads to relies on alarms. */
  private static void warnOfNoAlarm(String model, WatchedRisk.Report risk) {
    if (risk.reason() != null) {
      LOG.log(
          System.Logger.Level.WARNING,
          "model %s: --on-alarm full-depth will never act on %s: %s"
              .formatted(model, risk.risk().id(), risk.reason()));
    }
  }

  /** The risks of a certificate with their levels; without one, how often answers differ. */
  private static Map<Risk, Double> levels(Certificate certificate) {
    Map<Risk, Double> levels = new LinkedHashMap<>();
    if (certificate == null) {
      levels.put(Risk.PREDICTION_CONSISTENCY, null);
    } else {
      levels.put(certificate.risk(), certificate.calibration().epsilon());
      for (FurtherRisk further : certificate.calibration().furtherRisks()) {
        levels.put(Risk.of(further.risk()), further.epsilon());
      }
    }
    return levels;
  }

  /**
   * Goes on with another engine of the same model and certificate: loading a model anew does not
   * make an alarm unheard. Until {@link #formerIsClosed} an alarm ends the exits of both.
   */
  synchronized void continueOn(Engine next) {
    former = engine;
    engine = next;
    if (stopped) {
      next.stopExiting();
    }
  }

  /** The engine before this one has answered all that it had. */
  synchronized void formerIsClosed() {
    former = null; // A model's weights would stay in memory with it.
  }

  /**
   * Draws whether a sample that is being answered is audited. Nothing is known of its answer yet,
   * and the draw does not depend on it.
   */
  void consider(Request request) {
    if (request.fullDepth()
        || engine.exitsStopped()
        || ThreadLocalRandom.current().nextDouble() >= options.rate()) {
      return;
    }
    Request asked = probabilities ? request.withProbabilities() : request;
    synchronized (this) { // Samples are observed in the order in which they are run.
      engine.tryAudit(asked).ifPresentOrElse(this::follow, skipped::increment);
    }
  }

  /** Observes what an audit finds, after those before it. */
  void follow(Future<Audited> audit) {
    drawn.add(audit);
  }

  private void observe() {
    try {
      while (true) {
        observe(drawn.take());
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  private void observe(Future<Audited> audit) throws InterruptedException {
    try {
      Audited sample = audit.get();
      double[] losses = risks.stream().mapToDouble(risk -> risk.loss(sample)).toArray();
      for (int i = 0; i < losses.length; i++) {
        if (risks.get(i).observe(losses[i])) {
          raise(risks.get(i).report());
        }
      }
    } catch (CancellationException e) {
      skipped.increment(); // The engine was closed before it had time for it.
    } catch (ExecutionException | RuntimeException e) {
      failed.increment();
      LOG.log(System.Logger.Level.WARNING, "model " + model + ": an audit failed", e);
    }
  }

  private void raise(WatchedRisk.Report risk) {
    boolean stop = options.onAlarm() == AuditOptions.OnAlarm.FULL_DEPTH;
    if (stop) {
      synchronized (this) {
        stopped = true;
        engine.stopExiting();
        if (former != null) {
          former.stopExiting();
        }
      }
    }
    LOG.log(
        System.Logger.Level.ERROR,
        ("ALARM: model %s: %s was above epsilon %s at some time (since the start it is %.4f in %d"
                + " audited samples, at least %.4f; a false alarm has probability %s at most); %s")
            .formatted(
                model,
                risk.risk().id(),
                risk.epsilon(),
                risk.mean(),
                risk.audited(),
                risk.lower(),
                risk.alarmDelta(),
                stop
                    ? "the model runs to full depth until it is calibrated and loaded anew"
                    : "it goes on to exit early, as --on-alarm report says; calibrate it again on"
                        + " samples of today"));
  }

  Report report() {
    List<WatchedRisk.Report> reports = risks.stream().map(WatchedRisk::report).toList();
    return new Report(
        options,
        reports.getFirst().audited(),
        engine.queuedAudits(),
        skipped.sum(),
        failed.sum(),
        reports);
  }

  /** Observes no more. */
  @Override
  public void close() {
    observer.interrupt();
  }
}
