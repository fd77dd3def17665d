package dev.offramp.runtime.serve;

import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.FurtherRisk;
import dev.offramp.calibrate.Risk;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import dev.offramp.runtime.engine.Floors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;

/**
 * Watches the risk of a model's exits while it serves: a random share of the samples that may exit
 * early also run to full depth, in the device's idle time, and the two answers are compared. What
 * is compared needs no labels. Thread-safe.
 */
final class Audit {
  private static final System.Logger LOG = System.getLogger(Audit.class.getName());

  private final String model;
  private final Engine engine;
  private final AuditOptions options;
  private final List<WatchedRisk> risks;
  private final boolean probabilities;
  private final LongAdder skipped = new LongAdder();
  private final LongAdder failed = new LongAdder();

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
    double each = options.alarmDelta() / levels.size();
    List<WatchedRisk> risks = new ArrayList<>();
    levels.forEach((risk, epsilon) -> risks.add(new WatchedRisk(risk, epsilon, each)));
    return Optional.of(new Audit(model, engine, options, risks));
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
   * Draws whether a sample is audited, before anything is known of its answer. While as many wait
   * as the engine's queue holds nobody is drawn: leaving out only those that exit would make the
   * risk look smaller.
   */
  boolean draws() {
    if (ThreadLocalRandom.current().nextDouble() >= options.rate()) {
      return false;
    }
    if (engine.queuedInBackground() >= engine.queueCapacity()) {
      skipped.increment();
      return false;
    }
    return true;
  }

  /** The request of a sample that was drawn. */
  Request widened(Request request) {
    return probabilities ? request.withProbabilities() : request;
  }

  /** Takes the answer of a sample that was drawn; returns at once. */
  void answered(Request request, Result early) {
    if (early.exit() == engine.config().exits().size() - 1) {
      observe(early, null);
    } else {
      Thread.startVirtualThread(() -> compare(request, early));
    }
  }

  private void compare(Request request, Result early) {
    Request again = new Request(request.input(), null, true, probabilities);
    Optional<Future<Result>> answer = engine.tryBackground(again);
    if (answer.isEmpty()) {
      skipped.increment();
      return;
    }
    try {
      observe(early, answer.get().get());
    } catch (ExecutionException e) {
      if (engine.isOpen()) { // else it was dropped since the engine is closed
        failed.increment();
        LOG.log(System.Logger.Level.WARNING, "model " + model + ": an audit failed", e.getCause());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void observe(Result early, Result full) {
    for (WatchedRisk risk : risks) {
      if (risk.observe(early, full)) {
        raise(risk.report());
      }
    }
  }

  private void raise(WatchedRisk.Report risk) {
    boolean stop = options.onAlarm() == AuditOptions.OnAlarm.FULL_DEPTH;
    if (stop) {
      engine.stopExiting();
    }
    LOG.log(
        System.Logger.Level.ERROR,
        "ALARM: model %s: %s is above epsilon %s (%.4f in %d audited samples, at least %.4f; a false alarm has probability %s at most); %s"
            .formatted(
                model,
                risk.risk().id(),
                risk.epsilon(),
                risk.mean(),
                risk.audited(),
                risk.lower(),
                risk.alarmDelta(),
                stop
                    ? "the model runs to full depth until it is loaded anew"
                    : "it goes on to exit early, as --on-alarm report says; calibrate it again on"
                        + " samples of today"));
  }

  synchronized Report report() {
    List<WatchedRisk.Report> reports = risks.stream().map(WatchedRisk::report).toList();
    return new Report(
        options,
        reports.getFirst().audited(),
        engine.queuedInBackground(),
        skipped.sum(),
        failed.sum(),
        reports);
  }
}
