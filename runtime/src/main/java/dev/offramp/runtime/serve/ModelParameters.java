package dev.offramp.runtime.serve;

import com.google.gson.JsonObject;
import dev.offramp.calibrate.Certificate;

/** What a model's metadata say of its guarantee and of how that holds. */
final class ModelParameters {
  private ModelParameters() {}

  static JsonObject of(ServedModel.Loaded now) {
    JsonObject json = new JsonObject();
    json.addProperty("device", now.engine().device().id());
    json.addProperty("precision", now.engine().device().precision().name());
    Certificate certificate = now.engine().thresholds().certificate();
    json.addProperty("certificate", certificate == null ? "none" : now.certificate());
    if (certificate != null) {
      addPromise(json, certificate);
    }
    json.addProperty("exits_stopped", now.engine().exitsStopped());
    now.audit().ifPresent(audit -> add(json, audit.report()));
    return json;
  }

  /** What a certificate promises. */
  static void addPromise(JsonObject json, Certificate certificate) {
    json.addProperty("risk", certificate.risk().id());
    json.addProperty("epsilon", certificate.calibration().epsilon());
    json.addProperty("delta", certificate.calibration().delta());
    json.addProperty("method", certificate.calibration().method().id());
    json.addProperty("guarantee", certificate.calibration().guarantee());
  }

  /** Parameters are not nested: the names of risks come first. */
  private static void add(JsonObject json, Audit.Report report) {
    json.addProperty("audit_rate", report.options().rate());
    json.addProperty("audited", report.done());
    json.addProperty("alarm", report.risks().stream().anyMatch(r -> r.alarmedAt() != null));
    for (WatchedRisk.Report risk : report.risks()) {
      String name = risk.risk().id() + ".";
      if (risk.epsilon() != null) {
        json.addProperty(name + "epsilon", risk.epsilon());
      }
      if (risk.mean() != null) {
        json.addProperty(name + "audited_risk", risk.mean());
        json.addProperty(name + "audited_risk_lower", risk.lower());
        json.addProperty(name + "audited_risk_upper", risk.upper());
      }
      if (risk.reason() != null) {
        json.addProperty(name + "no_alarm", risk.reason());
      }
      if (risk.alarmedAt() != null) {
        json.addProperty(name + "alarmed_at", risk.alarmedAt().toString());
      }
    }
  }
}
