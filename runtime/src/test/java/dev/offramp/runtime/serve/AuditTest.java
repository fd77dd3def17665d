package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import dev.offramp.calibrate.FurtherRisk;
import dev.offramp.calibrate.Risk;
import dev.offramp.runtime.Audited;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.EngineOptions.Policy;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.serve.AuditOptions.OnAlarm;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A service that compares its early answers with the full model's. */
class AuditTest extends OnTinyModel {
  private static final double LAMBDA = 0.6;

  private static EngineOptions certified() {
    return Serving.options().withPolicy(new Policy.Certified(null, false));
  }

  private static JsonObject audit(Serving serving) throws Exception {
    JsonObject model =
        serving.get("/status").json().getAsJsonArray("models").get(0).getAsJsonObject();
    return model.getAsJsonObject("audit");
  }

  private static JsonObject risk(Serving serving) throws Exception {
    return audit(serving).getAsJsonArray("risks").get(0).getAsJsonObject();
  }

  private static long audited(Serving serving) throws Exception {
    return audit(serving).get("done").getAsLong();
  }

  private static void awaitAudits(Serving serving, long count) throws Exception {
    until(count + " audits", () -> audited(serving) >= count);
  }

  /** All samples are audited: the risk is the mean loss that the two answers have. */
  @ParameterizedTest
  @EnumSource(names = {"PREDICTION_CONSISTENCY", "BRIER_CONSISTENCY", "TOP_BRIER_CONSISTENCY"})
  void theRiskIsThatOfTheSamples(Risk risk) throws Exception {
    List<String> texts = TinyModel.sentences(random.nextLong(), 100);
    Certified.write(directory, risk, LAMBDA, risk.bound()); // which no risk is above
    double sum = 0;
    int early = 0;
    try (Engine engine = Engine.open(directory, certified())) {
      for (String text : texts) {
        Request request = Request.of(text).withProbabilities();
        Result first = engine.submit(request).get();
        Result full = engine.submit(request.atFullDepth()).get();
        early += first.exit() < 2 ? 1 : 0;
        sum +=
            first.exit() == 2
                ? 0
                : risk.needsProbabilities()
                    ? risk.loss(first.probabilities(), full.probabilities(), -1)
                    : risk.loss(first.prediction(), full.prediction(), -1);
      }
    }
    assertThat(early).as("the test is void if nobody exits").isGreaterThan(10);
    AuditOptions all = new AuditOptions(1, 0.01, OnAlarm.REPORT);
    try (Serving serving = new Serving(Map.of("tiny", directory), certified(), all).load()) {
      for (int from = 0; from < texts.size(); from += 20) {
        String[] some = texts.subList(from, from + 20).toArray(String[]::new);
        assertThat(serving.infer("tiny", "", some).status()).isEqualTo(200);
      }
      // Who asks for full depth is not the guarantee's concern.
      serving.infer("tiny", ",\"parameters\":{\"full_depth\":true}", "wab");
      awaitAudits(serving, texts.size());
      assertThat(audited(serving)).isEqualTo(texts.size());
      JsonObject seen = risk(serving);
      assertThat(seen.get("mean").getAsDouble()).isCloseTo(sum / texts.size(), within(1e-6));
      assertThat(seen.get("lower").getAsDouble()).isLessThanOrEqualTo(sum / texts.size());
      assertThat(seen.get("upper").getAsDouble()).isGreaterThanOrEqualTo(sum / texts.size());
      assertThat(seen.get("alarm").getAsBoolean()).isFalse();
      assertThat(serving.get("/metrics").body())
          .contains("offramp_audited_rows_total{model=\"tiny\"} 100.0");
    }
  }

  /** The certificate promises what is not so: found out, told, and no exit is taken any more. */
  @ParameterizedTest
  @EnumSource(OnAlarm.class)
  void theAlarm(OnAlarm action) throws Exception {
    List<String> texts = TinyModel.sentences(random.nextLong(), 60);
    Certified.write(directory, Risk.PREDICTION_CONSISTENCY, LAMBDA, 0.01);
    AuditOptions all = new AuditOptions(1, 0.01, action);
    boolean stops = action == OnAlarm.FULL_DEPTH;
    try (Serving serving = new Serving(Map.of("tiny", directory), certified(), all).load()) {
      until(
          "the alarm",
          () -> {
            serving.infer("tiny", "", texts.toArray(String[]::new));
            return risk(serving).get("alarm").getAsBoolean();
          });
      JsonObject parameters = serving.get("/v2/models/tiny").json().getAsJsonObject("parameters");
      assertThat(parameters.get("alarm").getAsBoolean()).isTrue();
      assertThat(parameters.get("prediction-consistency.alarmed_at").getAsString()).isNotEmpty();
      assertThat(serving.get("/metrics").body())
          .contains("offramp_alarm{model=\"tiny\",risk=\"prediction-consistency\"} 1.0")
          .contains("offramp_exits_stopped{model=\"tiny\"} " + (stops ? "1.0" : "0.0"));
      var now = serving.infer("tiny", "", texts.toArray(String[]::new));
      String full = ",\"parameters\":{\"full_depth\":true}";
      var deep = serving.infer("tiny", full, texts.toArray(String[]::new));
      if (stops) {
        assertThat(now.body()).isEqualTo(deep.body());
        assertThat(now.json().getAsJsonObject("parameters").get("exits_stopped").getAsBoolean())
            .isTrue();
      } else {
        assertThat(now.output("exit")).isNotEqualTo(deep.output("exit"));
      }
      // The same model with the same certificate is not to be trusted more for being loaded anew.
      assertThat(serving.post("/v2/repository/models/tiny/load", "").status()).isEqualTo(200);
      assertThat(risk(serving).get("alarm").getAsBoolean()).isTrue();
      assertThat(serving.infer("tiny", "", texts.toArray(String[]::new)).body())
          .isEqualTo(now.body());
      Certified.write(directory, Risk.PREDICTION_CONSISTENCY, LAMBDA, 0.9);
      assertThat(serving.post("/v2/repository/models/tiny/load", "").status()).isEqualTo(200);
      assertThat(risk(serving).get("alarm").getAsBoolean()).as("another certificate").isFalse();
      assertThat(serving.infer("tiny", "", texts.toArray(String[]::new)).output("exit"))
          .isNotEqualTo(deep.output("exit"));
    }
  }

  /**
   * An alarm that comes while the model is loaded anew ends the exits of whichever engine serves.
   */
  @Test
  void anAlarmIsNotLostBetweenTwoEngines() throws Exception {
    String[] texts = TinyModel.sentences(random.nextLong(), 60).toArray(String[]::new);
    Certified.write(directory, Risk.PREDICTION_CONSISTENCY, LAMBDA, 0.01);
    AuditOptions some = new AuditOptions(0.02, 0.01, OnAlarm.FULL_DEPTH);
    try (Serving serving = new Serving(Map.of("tiny", directory), certified(), some).load();
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      AtomicBoolean ended = new AtomicBoolean();
      Future<?> asking =
          clients.submit(() -> {
            while (!ended.get()) {
              assertThat(serving.infer("tiny", "", texts).status()).isEqualTo(200);
            }
            return null;
          });
      until(
          "the alarm",
          () -> {
            assertThat(serving.post("/v2/repository/models/tiny/load", "").status()).isEqualTo(200);
            return risk(serving).get("alarm").getAsBoolean();
          });
      assertThat(serving.post("/v2/repository/models/tiny/load", "").status()).isEqualTo(200);
      ended.set(true);
      asking.get();
      var now = serving.infer("tiny", "", texts);
      assertThat(now.body())
          .isEqualTo(serving.infer("tiny", ",\"parameters\":{\"full_depth\":true}", texts).body());
    }
  }

  /** Samples that the former engine still has are to be answered at full depth as well. */
  @Test
  void anAlarmStopsTheEngineThatIsBeingReplacedToo() throws Exception {
    Certified.write(directory, Risk.PREDICTION_CONSISTENCY, LAMBDA, 0.01);
    AuditOptions all = new AuditOptions(1, 0.01, OnAlarm.FULL_DEPTH);
    Result early = new Result(0, "one", 0.9f, 0, null);
    Result full = new Result(1, "two", 0.9f, 2, null);
    try (Engine former = Engine.open(directory, certified());
        Engine next = Engine.open(directory, certified());
        Audit audit = Audit.of("tiny", former, all).orElseThrow()) {
      audit.continueOn(next);
      for (int i = 0; i < 100; i++) {
        audit.follow(CompletableFuture.completedFuture(new Audited(early, full)));
      }
      until("the alarm", () -> next.exitsStopped() && former.exitsStopped());
    }
  }

  /** What cannot be compared is counted, and the next sample is audited all the same. */
  @Test
  void aSampleWithoutNumbersDoesNotEndTheAudit() throws Exception {
    Certified.write(directory, Risk.BRIER_CONSISTENCY, LAMBDA, 2);
    AuditOptions all = new AuditOptions(1, 0.01, OnAlarm.REPORT);
    Result numbers = new Result(0, "one", 0.5f, 0, new float[] {0.5f, 0.25f, 0.25f});
    Result none = new Result(0, "one", Float.NaN, 2, new float[] {Float.NaN, 0, 0});
    try (Engine engine = Engine.open(directory, certified());
        Audit audit = Audit.of("tiny", engine, all).orElseThrow()) {
      audit.follow(CompletableFuture.completedFuture(new Audited(numbers, none)));
      audit.follow(CompletableFuture.failedFuture(new IllegalStateException("a broken device")));
      audit.follow(CompletableFuture.completedFuture(new Audited(numbers, numbers)));
      until("the last audit", () -> audit.report().done() > 0);
      assertThat(audit.report().failed()).isEqualTo(2);
      assertThat(audit.report().risks().getFirst().mean()).isZero();
    }
  }

  @Test
  void whatIsNotAuditedIsCounted() throws Exception {
    Certified.write(directory, Risk.PREDICTION_CONSISTENCY, LAMBDA, 0.9);
    AuditOptions all = new AuditOptions(1, 0.01, OnAlarm.REPORT);
    try (Engine engine = Engine.open(directory, certified());
        Audit audit = Audit.of("tiny", engine, all).orElseThrow()) {
      CompletableFuture<Audited> dropped = new CompletableFuture<>();
      dropped.cancel(false);
      audit.follow(dropped);
      until("one without time for it", () -> audit.report().skipped() == 1);
      Request request = Request.of("wab");
      audit.consider(request.atFullDepth());
      engine.stopExiting();
      audit.consider(request);
      assertThat(audit.report().waiting()).as("neither could exit early").isZero();
      engine.close();
      assertThat(audit.report())
          .extracting("done", "skipped", "failed")
          .containsExactly(0L, 1L, 0L);
    }
  }

  /** Of three risks two can raise an alarm: each is false with half of the probability. */
  @Test
  void alarmsShareTheirProbability() throws Exception {
    double[] noLoss = new double[2];
    Certified.write(
        directory,
        Risk.PREDICTION_CONSISTENCY,
        LAMBDA,
        0.9,
        List.of(
            new FurtherRisk("brier-consistency", 2, 1.5, noLoss),
            new FurtherRisk("prediction-gap", 1, 0.9, noLoss)));
    AuditOptions all = new AuditOptions(1, 0.01, OnAlarm.REPORT);
    try (Engine engine = Engine.open(directory, certified());
        Audit audit = Audit.of("tiny", engine, all).orElseThrow()) {
      List<WatchedRisk.Report> risks = audit.report().risks();
      assertThat(risks).extracting(WatchedRisk.Report::epsilon).containsExactly(0.9, 1.5, 0.9);
      for (WatchedRisk.Report risk : risks.subList(0, 2)) {
        assertThat(risk.alarmDelta()).isEqualTo(0.005);
        assertThat(risk.logThreshold()).isCloseTo(Math.log(200), within(1e-12));
      }
      assertThat(risks.get(2).logThreshold()).isNull();
    }
  }

  /** Risks that need labels, and exits that nothing guarantees, are shown without an alarm. */
  @Test
  void whatCannotRaiseAnAlarm() throws Exception {
    AuditOptions all = new AuditOptions(1, 0.01, OnAlarm.FULL_DEPTH);
    Certified.write(directory, Risk.PREDICTION_GAP, LAMBDA, 0.01);
    String[] texts = TinyModel.sentences(11, 60).toArray(String[]::new);
    EngineOptions byHand = Serving.options().withPolicy(new Policy.ByHand(LAMBDA));
    List<String> logged = new CopyOnWriteArrayList<>();
    Logger logger = Logger.getLogger(Audit.class.getName());
    logger.setFilter(entry -> logged.add(entry.getMessage()));
    for (EngineOptions options : List.of(certified(), byHand)) {
      try (Serving serving = new Serving(Map.of("tiny", directory), options, all).load()) {
        serving.infer("tiny", "", texts);
        awaitAudits(serving, texts.length);
        JsonObject seen = risk(serving);
        assertThat(seen.get("shown").getAsString()).isEqualTo("prediction-consistency");
        assertThat(seen.get("mean").getAsDouble()).as("far above epsilon").isGreaterThan(0.05);
        assertThat(seen.get("auditable").getAsBoolean()).isFalse();
        assertThat(seen.get("alarm").getAsBoolean()).isFalse();
        assertThat(seen.get("reason").getAsString())
            .contains(options == byHand ? "nothing was certified" : "needs labels");
      }
    }
    logger.setFilter(null);
    assertThat(logged)
        .hasSize(2)
        .allMatch(line -> line.startsWith("model tiny: --on-alarm full-depth will never act on"));
    EngineOptions never = Serving.options().withPolicy(new Policy.FullDepth());
    try (Serving serving = new Serving(Map.of("tiny", directory), never, all).load()) {
      serving.infer("tiny", "", texts);
      JsonObject status = serving.get("/status").json();
      assertThat(status.getAsJsonArray("models").get(0).getAsJsonObject().get("audit").isJsonNull())
          .as("nothing exits, nothing is audited")
          .isTrue();
    }
  }
}
