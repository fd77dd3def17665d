package dev.offramp.runtime.serve;

import dev.offramp.models.Exit;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.scheduler.Counters;
import dev.offramp.runtime.serve.http.HttpFront;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What the service tells Prometheus. Counters of an engine begin anew when its model is loaded
 * anew, which Prometheus knows how to read.
 */
final class Metrics {
  private static final double NANOS = 1e9;

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
  private final List<ServedModel> models;
  private final Map<ServedModel, Latency> latencies = new HashMap<>();
  private final Counter requests;
  private List<Reading> readings = List.of(); // of the scrape that is under way

  /** A loaded model, and what its audit reports to all metrics of a scrape. */
  private record Reading(String model, ServedModel.Loaded loaded, Optional<Audit.Report> audit) {
    static Stream<Reading> of(ServedModel model) {
      return Stream.ofNullable(model.current())
          .map(now -> new Reading(model.name(), now, now.audit().map(Audit::report)));
    }

    Engine engine() {
      return loaded.engine();
    }
  }

  /** Takes a value, with the values of the labels that follow the model's name. */
  private interface Sink {
    void put(double value, String... labels);
  }

  Metrics(List<ServedModel> models) {
    this.models = models;
    Histogram durations = Latency.histogram();
    registry.register(durations);
    models.forEach(model -> latencies.put(model, new Latency(durations, model.name())));
    requests =
        Counter.builder()
            .name("offramp_requests")
            .help("infer requests by HTTP status; 499: the client went before its answer")
            .labelNames("model", "status")
            .register(registry);
    ofModels();
    ofStages();
    ofAudits();
  }

  /** Tells of the HTTP front, too. */
  void watch(HttpFront front) {
    GaugeWithCallback.builder()
        .name("offramp_connections")
        .help("open connections")
        .callback(sink -> sink.call(front.connections()))
        .register(registry);
    CounterWithCallback.builder()
        .name("offramp_refused_connections")
        .help("connections beyond the limit: all but health and the page is told 503")
        .callback(sink -> sink.call(front.connectionsRefused()))
        .register(registry);
    CounterWithCallback.builder()
        .name("offramp_clients_gone")
        .help("clients that went before their answer came")
        .callback(sink -> sink.call(front.clientsGone()))
        .register(registry);
    CounterWithCallback.builder()
        .name("offramp_http_answers")
        .help("answers of any path by the class of their HTTP status, warm-up included")
        .labelNames("class")
        .callback(sink -> {
          for (int digit = 2; digit <= 5; digit++) {
            sink.call(front.answers(digit), digit + "xx");
          }
        })
        .register(registry);
  }

  Latency latency(ServedModel model) {
    return latencies.get(model);
  }

  /** Takes note of an infer request that was answered. */
  void answered(ServedModel model, int status, long nanos) {
    requests.labelValues(model.name(), Integer.toString(status)).inc();
    if (status == 200) {
      latency(model).took(nanos); // Refusals are fast, and would make a full server look fast.
    }
  }

  /** Everything in Prometheus's text format. */
  synchronized byte[] scrape() {
    readings = models.stream().flatMap(Reading::of).toList();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      writer.write(out, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return out.toByteArray();
  }

  String contentType() {
    return writer.getContentType();
  }

  private void ofModels() {
    GaugeWithCallback.builder()
        .name("offramp_ready")
        .help("1 if the model answers requests")
        .labelNames("model")
        .callback(sink ->
            models.forEach(
                model -> sink.call(model.state() == ServedModel.State.READY ? 1 : 0, model.name())))
        .register(registry);
    gauge(
        "offramp_model_info",
        "1, with what is served",
        (now, sink) ->
            sink.put(
                1,
                now.loaded().version(),
                now.loaded().certificate() == null ? "none" : now.loaded().certificate(),
                now.engine().device().id(),
                now.engine().device().precision().name()),
        "version",
        "certificate",
        "device",
        "precision");
    CounterWithCallback.builder()
        .name("offramp_rejected_requests")
        .help("infer requests that found the queue full")
        .labelNames("model")
        .callback(sink -> models.forEach(model -> sink.call(model.rejected(), model.name())))
        .register(registry);
    gauge(
        "offramp_queue_rows",
        "samples that wait for a slot",
        (now, sink) -> sink.put(now.engine().queued()));
    gauge(
        "offramp_queue_capacity_rows",
        "samples that may wait for a slot",
        (now, sink) -> sink.put(now.engine().queueCapacity()));
    gauge(
        "offramp_device_bytes",
        "device memory of model and samples",
        (now, sink) -> sink.put(now.engine().deviceBytes()));
    gauge(
        "offramp_exits_stopped",
        "1 if an alarm has ended early exits",
        (now, sink) -> sink.put(now.engine().exitsStopped() ? 1 : 0));
    counter(
        "offramp_dropped_rows",
        "samples cancelled or too late",
        (now, sink) -> sink.put(now.engine().counters().droppedRows()));
    counter(
        "offramp_failed_rows",
        "samples that the device failed on",
        (now, sink) -> sink.put(now.engine().counters().failedRows()));
  }

  private void ofStages() {
    BiConsumer<Reading, Sink> exits =
        (now, sink) -> {
          List<Exit> places = now.engine().config().exits();
          long[] left = now.engine().counters().left();
          for (int e = 0; e < left.length; e++) {
            sink.put(left[e], Integer.toString(e), Integer.toString(places.get(e).afterLayer()));
          }
        };
    counter("offramp_exited_rows", "samples that left at an exit", exits, "exit", "after_layer");
    stages("offramp_stage_steps", "steps that ran a stage", 1, Counters::steps);
    stages(
        "offramp_stage_rows", "samples a stage ran on; by its steps: the batch", 1, Counters::rows);
    stages(
        "offramp_stage_seconds",
        "time of the steps that began with a stage",
        NANOS,
        Counters::nanos);
  }

  private void stages(String name, String help, double unit, Function<Counters, long[]> values) {
    BiConsumer<Reading, Sink> read =
        (now, sink) -> {
          long[] ofStages = values.apply(now.engine().counters());
          for (int stage = 0; stage < ofStages.length; stage++) {
            sink.put(ofStages[stage] / unit, Integer.toString(stage));
          }
        };
    counter(name, help, read, "stage");
  }

  private void ofAudits() {
    audit("offramp_audited_rows", "samples that were audited", Audit.Report::done);
    audit(
        "offramp_audit_skipped_rows",
        "samples not audited: too many waited",
        Audit.Report::skipped);
    audit("offramp_audit_failed_rows", "samples whose audit failed", Audit.Report::failed);
    gauge(
        "offramp_audit_waiting_rows",
        "samples whose audit waits for idle time",
        (now, sink) -> now.audit().ifPresent(audit -> sink.put(audit.waiting())));
    risk("offramp_audit_risk", "mean loss of audited samples", WatchedRisk.Report::mean);
    risk(
        "offramp_audit_risk_lower",
        "lower confidence bound of the running risk",
        WatchedRisk.Report::lower);
    risk(
        "offramp_audit_risk_upper",
        "upper confidence bound of the running risk",
        WatchedRisk.Report::upper);
    risk("offramp_audit_epsilon", "level that was certified", WatchedRisk.Report::epsilon);
    risk(
        "offramp_audit_log_evidence",
        "ln of the evidence that the risk is above epsilon",
        WatchedRisk.Report::logEvidence);
    risk(
        "offramp_audit_log_threshold",
        "where the evidence raises the alarm",
        WatchedRisk.Report::logThreshold);
    risk(
        "offramp_alarm",
        "1 once the risk was found to be above epsilon",
        risk -> risk.logEvidence() == null ? null : risk.alarmedAt() == null ? 0.0 : 1.0);
  }

  private void audit(String name, String help, Function<Audit.Report, Long> value) {
    counter(
        name, help, (now, sink) -> now.audit().ifPresent(audit -> sink.put(value.apply(audit))));
  }

  private void risk(String name, String help, Function<WatchedRisk.Report, Double> value) {
    BiConsumer<Reading, Sink> read =
        (now, sink) ->
            now.audit().stream()
                .flatMap(audit -> audit.risks().stream())
                .forEach(risk -> {
                  Double known = value.apply(risk);
                  if (known != null) {
                    sink.put(known, risk.risk().id());
                  }
                });
    gauge(name, help, read, "risk");
  }

  private void gauge(String name, String help, BiConsumer<Reading, Sink> read, String... labels) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames(withModel("model", labels))
        .callback(sink -> forEachReading(read, sink::call))
        .register(registry);
  }

  private void counter(String name, String help, BiConsumer<Reading, Sink> read, String... labels) {
    CounterWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames(withModel("model", labels))
        .callback(sink -> forEachReading(read, sink::call))
        .register(registry);
  }

  private void forEachReading(BiConsumer<Reading, Sink> read, Sink sink) {
    readings.forEach(now ->
        read.accept(now, (value, labels) -> sink.put(value, withModel(now.model(), labels))));
  }

  private static String[] withModel(String model, String[] labels) {
    return Stream.concat(Stream.of(model), Stream.of(labels)).toArray(String[]::new);
  }
}
