package dev.offramp.runtime.serve;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.offramp.calibrate.Certificate;
import dev.offramp.models.Exit;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.scheduler.Counters;
import java.util.List;
import java.util.Locale;

/** What the status page shows of a model. */
final class Status {
  private static final double MILLIS = 1e6;

  private Status() {}

  /**
   * @param failure why it could not be loaded when that was last tried, or null
   */
  static JsonObject of(ServedModel model, String failure, Latency latency) {
    JsonObject json = new JsonObject();
    ServedModel.Loaded now = model.current();
    json.addProperty("name", model.name());
    json.addProperty("state", model.state().name().toLowerCase(Locale.ROOT));
    json.addProperty("message", failure);
    json.addProperty("rejected", model.rejected());
    Latency.Quantiles lately = latency.quantiles();
    JsonObject times = new JsonObject();
    times.addProperty("p50Millis", lately.p50());
    times.addProperty("p90Millis", lately.p90());
    times.addProperty("p99Millis", lately.p99());
    json.add("latency", times);
    if (now != null) {
      addEngine(json, now);
      json.add("audit", now.audit().map(audit -> audit(audit.report())).orElse(null));
    }
    return json;
  }

  private static void addEngine(JsonObject json, ServedModel.Loaded now) {
    Engine engine = now.engine();
    Counters counters = engine.counters();
    json.addProperty("version", now.version());
    json.addProperty("device", engine.device().id());
    json.addProperty("deviceDescription", engine.device().description());
    json.addProperty("precision", engine.device().precision().name());
    json.addProperty("deviceBytes", engine.deviceBytes());
    json.addProperty("layers", engine.config().architecture().layers());
    json.add("certificate", certificate(now));
    Double lambda = engine.thresholds().lambda();
    boolean certified = engine.thresholds().certificate() != null;
    boolean never = lambda != null && lambda >= Floors.NEVER;
    json.addProperty("policy", certified ? "certified" : never ? "full-depth" : "by-hand");
    json.addProperty("lambda", lambda);
    json.addProperty("fullDepth", engine.exitsStopped());
    json.addProperty("queued", engine.queued());
    json.addProperty("queueCapacity", engine.queueCapacity());
    json.addProperty("answered", counters.done());
    json.addProperty("failed", counters.failedRows());
    json.addProperty("dropped", counters.droppedRows());
    json.add("exits", exits(engine.config().exits(), counters.left()));
    json.add("stages", stages(counters));
  }

  private static JsonObject certificate(ServedModel.Loaded now) {
    Certificate certificate = now.engine().thresholds().certificate();
    if (certificate == null) {
      return null;
    }
    JsonObject json = new JsonObject();
    json.addProperty("id", now.certificate());
    ModelParameters.addPromise(json, certificate);
    json.addProperty("calibrationSize", certificate.calibration().calibrationSize());
    json.addProperty("fallback", certificate.calibration().fallback());
    return json;
  }

  private static JsonArray exits(List<Exit> exits, long[] left) {
    JsonArray all = new JsonArray();
    for (int e = 0; e < left.length; e++) {
      JsonObject exit = new JsonObject();
      exit.addProperty("exit", e);
      exit.addProperty("afterLayer", exits.get(e).afterLayer());
      exit.addProperty("left", left[e]);
      all.add(exit);
    }
    return all;
  }

  private static JsonArray stages(Counters counters) {
    long[] steps = counters.steps();
    long[] rows = counters.rows();
    long[] nanos = counters.nanos();
    JsonArray all = new JsonArray();
    for (int s = 0; s < steps.length; s++) {
      JsonObject stage = new JsonObject();
      stage.addProperty("stage", s);
      stage.addProperty("steps", steps[s]);
      stage.addProperty("rows", rows[s]);
      stage.addProperty("meanMillis", steps[s] == 0 ? null : nanos[s] / MILLIS / steps[s]);
      all.add(stage);
    }
    return all;
  }

  private static JsonObject audit(Audit.Report report) {
    JsonObject json = new JsonObject();
    json.addProperty("rate", report.options().rate());
    json.addProperty("onAlarm", report.options().onAlarm().id());
    json.addProperty("done", report.done());
    json.addProperty("waiting", report.waiting());
    json.addProperty("skipped", report.skipped());
    json.addProperty("failed", report.failed());
    JsonArray risks = new JsonArray();
    report.risks().forEach(risk -> risks.add(risk(risk)));
    json.add("risks", risks);
    return json;
  }

  private static JsonObject risk(WatchedRisk.Report risk) {
    JsonObject json = new JsonObject();
    json.addProperty("risk", risk.risk().id());
    json.addProperty("shown", risk.watched().id());
    json.addProperty("epsilon", risk.epsilon());
    json.addProperty("auditable", risk.logEvidence() != null);
    json.addProperty("reason", risk.reason());
    json.addProperty("mean", risk.mean());
    json.addProperty("lower", risk.lower());
    json.addProperty("upper", risk.upper());
    json.addProperty("boundsDelta", WatchedRisk.BOUNDS_DELTA);
    json.addProperty("alarmDelta", risk.alarmDelta());
    json.addProperty("logEvidence", risk.logEvidence());
    json.addProperty("logThreshold", risk.logThreshold());
    json.addProperty("alarm", risk.alarmedAt() != null);
    if (risk.alarmedAt() == null) {
      json.add("alarmedAt", JsonNull.INSTANCE);
    } else {
      json.addProperty("alarmedAt", risk.alarmedAt().toString());
    }
    return json;
  }
}
