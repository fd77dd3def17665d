package dev.offramp.runtime.serve;

import dev.offramp.calibrate.Risk;
import dev.offramp.calibrate.monitor.DriftAlarm;
import dev.offramp.calibrate.monitor.RunningRisk;
import dev.offramp.runtime.Audited;
import dev.offramp.runtime.Result;
import java.time.Instant;

/**
 * One risk of the audited samples: how large it is so far, and whether it is above epsilon.
 * Thread-safe.
 */
final class WatchedRisk {
  /** Probability that the bounds of the running risk fail at any time. */
  static final double BOUNDS_DELTA = 0.05;

  private final Risk named;
  private final Risk watched;
  private final Double epsilon;
  private final double alarmDelta;
  private final RunningRisk running;
  private final DriftAlarm alarm; // null where there is none to be raised
  private Instant alarmedAt;

  /**
   * What is known of a risk.
   *
   * @param risk the certificate's
   * @param watched what is measured: the same, or its counterpart that needs no labels
   * @param epsilon that it is compared with, or null
   * @param reason why there is no alarm, or null
   * @param mean loss of the audited samples, or null before the first
   * @param lower bound of the running risk at any time, with the upper one at {@link #BOUNDS_DELTA}
   * @param logEvidence against "the risk is at most epsilon", or null where there is no alarm
   * @param alarmedAt when it was raised, or null
   */
  record Report(
      Risk risk,
      Risk watched,
      Double epsilon,
      String reason,
      long audited,
      Double mean,
      Double lower,
      Double upper,
      double alarmDelta,
      Double logEvidence,
      Double logThreshold,
      Instant alarmedAt) {}

  /**
   * @param risk what a certificate is about
   * @param epsilon its level, or null where nothing was certified
   */
  WatchedRisk(Risk risk, Double epsilon, double alarmDelta) {
    named = risk;
    watched =
        switch (risk) {
          case PREDICTION_GAP -> Risk.PREDICTION_CONSISTENCY;
          case BRIER_GAP -> Risk.BRIER_CONSISTENCY;
          default -> risk;
        };
    this.epsilon = epsilon;
    this.alarmDelta = alarmDelta;
    running = new RunningRisk(watched.least(), watched.bound(), BOUNDS_DELTA);
    // A level that no loss can be below is never kept, and nothing exits under such a certificate.
    alarm =
        canAlarm(risk, epsilon)
            ? new DriftAlarm(epsilon, watched.least(), watched.bound(), alarmDelta)
            : null;
  }

  /** Whether a service can tell by itself that this risk is above its level. */
  static boolean canAlarm(Risk risk, Double epsilon) {
    return epsilon != null && !risk.needsLabels() && epsilon >= risk.least();
  }

  boolean needsProbabilities() {
    return watched.needsProbabilities();
  }

  /**
   * The loss of a sample.
   *
   * @throws dev.offramp.calibrate.CalibrationException if its probabilities are no numbers
   */
  double loss(Audited sample) {
    return sample.early() == sample.full() ? 0 : loss(sample.early(), sample.full());
  }

  /**
   * Takes note of a loss.
   *
   * @return whether this raised the alarm
   */
  synchronized boolean observe(double loss) {
    running.observe(loss);
    if (alarm == null || !alarm.observe(loss)) {
      return false;
    }
    alarmedAt = Instant.now();
    return true;
  }

  private double loss(Result early, Result full) {
    int noLabel = -1;
    return watched.needsProbabilities()
        ? watched.loss(early.probabilities(), full.probabilities(), noLabel)
        : watched.loss(early.prediction(), full.prediction(), noLabel);
  }

  /** Why there is no alarm, or null. */
  private String reason() {
    if (alarm != null) {
      return null;
    }
    if (epsilon == null) {
      return "nothing was certified: there is no epsilon to compare with";
    }
    return watched == named
        ? "no loss can be below epsilon"
        : "%s needs labels, which a service does not have; %s is shown"
            .formatted(named.id(), watched.id());
  }

  synchronized Report report() {
    boolean any = running.count() > 0;
    return new Report(
        named,
        watched,
        epsilon,
        reason(),
        running.count(),
        any ? running.mean() : null,
        any ? running.lower() : null,
        any ? running.upper() : null,
        alarmDelta,
        alarm == null ? null : alarm.logEvidence(),
        alarm == null ? null : alarm.threshold(),
        alarmedAt);
  }
}
