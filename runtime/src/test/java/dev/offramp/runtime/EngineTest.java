package dev.offramp.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.EngineOptions.Policy;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.logging.Filter;
import java.util.logging.Logger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineTest {
  private static final double LAMBDA = 0.9;
  private static final int THREADS = 8;
  private static final int REQUESTS = 300;
  private static final int SECONDS = 60;
  private static final int VOCABULARY = 103; // of the tiny model
  private static final double TOLERANCE = 1e-4;

  @TempDir private Path folder;
  private Path directory;
  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  private final Random random = new Random(seed);

  @BeforeEach
  void write() {
    System.out.println("EngineTest: offramp.seed=" + seed);
    directory = TinyModel.write(folder.resolve("model"), 33, 1, 2, 4);
  }

  private EngineOptions options() {
    return EngineOptions.throughput()
        .withThreads(2)
        .withBatch(1 + random.nextInt(16))
        .withMaxWait(Duration.ofNanos(random.nextInt(3_000_000)))
        .withPolicy(new Policy.ByHand(LAMBDA));
  }

  /** What each text is answered when it is run alone. */
  private Map<String, Outcome> alone(List<String> texts, double lambda) {
    Map<String, Outcome> alone = new HashMap<>();
    try (ModelDirectory model = ModelDirectory.open(directory);
        Device device = Devices.open("jvm", new DeviceOptions(2));
        BatchRunner runner = BatchRunner.open(model, device, 1, TinyModel.MAX_TOKENS)) {
      for (String text : texts) {
        int[] tokens = model.tokenizer().encode(text, TinyModel.MAX_TOKENS);
        alone.put(text, runner.run(List.of(tokens), lambda).getFirst());
      }
    }
    return alone;
  }

  private static Outcome outcome(Result result) {
    return new Outcome(result.prediction(), result.confidence(), result.exit());
  }

  @Test
  void answersAreThoseOfTheSameTextAlone() throws Exception {
    List<String> texts = TinyModel.sentences(random.nextLong(), REQUESTS);
    Map<String, Outcome> early = alone(texts, LAMBDA);
    Map<String, Outcome> full = alone(texts, BatchRunner.NEVER);
    assertThat(Set.copyOf(early.values()))
        .as("the test is void if texts are answered alike")
        .hasSizeGreaterThan(REQUESTS / 2);
    try (Engine engine = Engine.open(directory, options());
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Callable<Void>> users = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        Random own = new Random(random.nextLong());
        users.add(() -> {
          List<Map.Entry<Request, Future<Result>>> answers = new ArrayList<>();
          for (int i = 0; i < REQUESTS; i++) {
            Request request = Request.of(texts.get(own.nextInt(texts.size())));
            request = own.nextInt(4) == 0 ? request.atFullDepth() : request;
            answers.add(Map.entry(request, engine.submit(request)));
          }
          for (var answer : answers) {
            Request asked = answer.getKey();
            Result result = answer.getValue().get(SECONDS, TimeUnit.SECONDS);
            assertThat(outcome(result))
                .isEqualTo(
                    (asked.fullDepth() ? full : early).get(((Request.Text) asked.input()).text()));
            assertThat(result.label()).isEqualTo(TinyModel.LABELS.get(result.prediction()));
          }
          return null;
        });
      }
      for (Future<Void> user : threads.invokeAll(users)) {
        user.get(SECONDS, TimeUnit.SECONDS);
      }
      assertThat(engine.counters().done()).isEqualTo((long) THREADS * REQUESTS);
      assertThat(engine.counters().left()[0]).as("rows that leave early").isPositive();
      assertThat(engine.counters().left()[2]).as("rows that stay").isPositive();
      assertThat(engine.queued()).isZero();
    }
  }

  @Test
  void probabilitiesAreThoseOfTheExitTaken() throws Exception {
    List<String> texts = TinyModel.sentences(random.nextLong(), REQUESTS);
    Map<String, Outcome> alone = alone(texts, LAMBDA);
    try (Engine engine = Engine.open(directory, options().withBatch(16))) {
      List<Future<Result>> answers = new ArrayList<>();
      for (int from = 0; from < texts.size(); from += 12) { // who run in one step at first
        List<Request> some = new ArrayList<>();
        for (int i = from; i < Math.min(from + 12, texts.size()); i++) {
          Request request = Request.of(texts.get(i));
          some.add(i % 3 == 0 ? request : request.withProbabilities());
        }
        answers.addAll(engine.trySubmitAll(some).orElseThrow());
        answers.getLast().get(SECONDS, TimeUnit.SECONDS);
      }
      for (int i = 0; i < texts.size(); i++) {
        Result result = answers.get(i).get(SECONDS, TimeUnit.SECONDS);
        assertThat(outcome(result)).isEqualTo(alone.get(texts.get(i)));
        if (i % 3 == 0) {
          assertThat(result.probabilities()).isNull();
        } else {
          assertThat(result.probabilities()).hasSize(TinyModel.LABELS.size());
          double sum = 0;
          for (float probability : result.probabilities()) {
            sum += probability;
          }
          assertThat(sum).isCloseTo(1, within(TOLERANCE));
          // The head's confidence is the largest probability.
          assertThat(result.probabilities()[result.prediction()])
              .isCloseTo(result.confidence(), within((float) TOLERANCE));
        }
      }
    }
  }

  @Test
  void preparedInputsAreTakenAsTheyAre() throws Exception {
    List<String> texts = TinyModel.sentences(random.nextLong(), 20);
    try (ModelDirectory model = ModelDirectory.open(directory);
        Engine engine = Engine.open(directory, options())) {
      assertThat(engine.modelHash()).isEqualTo(model.hash());
      for (String text : texts) {
        int[] tokens = model.tokenizer().encode(text, TinyModel.MAX_TOKENS);
        Request prepared = Request.of(new Request.Prepared(tokens));
        assertThat(engine.submit(prepared).get()).isEqualTo(engine.submit(text).get());
      }
      for (int length : new int[] {0, TinyModel.MAX_TOKENS + 1}) {
        Request wrong = Request.of(new Request.Prepared(new int[length]));
        assertThatThrownBy(() -> engine.submit(wrong)).hasMessageContaining("1 to 20");
      }
    }
  }

  /** A text is cut where the model's configuration says, though it had positions for more. */
  @Test
  void longTextsAreCut() throws Exception {
    int words = TinyModel.MAX_TOKENS - 2; // with the first and the last token
    try (Engine engine = Engine.open(directory, options())) {
      Result cut = engine.submit("wab ".repeat(words)).get(SECONDS, TimeUnit.SECONDS);
      Result longer = engine.submit("wab ".repeat(words + 9)).get(SECONDS, TimeUnit.SECONDS);
      assertThat(outcome(longer)).isEqualTo(outcome(cut));
      Result shorter = engine.submit("wab ".repeat(words - 1)).get(SECONDS, TimeUnit.SECONDS);
      assertThat(outcome(shorter)).as("each word counts").isNotEqualTo(outcome(cut));
    }
  }

  /** Who uses an array again for the next input changes no request that was made of it. */
  @Test
  void preparedInputsAreCopied() throws Exception {
    EngineOptions together = options().withBatch(16).withMaxWait(Duration.ofMillis(300));
    try (Engine engine = Engine.open(directory, together)) {
      int[] tokens = {1, 50, 2};
      Result alone = engine.submit(Request.of(new Request.Prepared(tokens))).get();
      List<Future<Result>> answers = new ArrayList<>();
      for (int again : new int[] {VOCABULARY, 60}) {
        tokens[1] = 50;
        Request request = engine.prepared(Request.of(new Request.Prepared(tokens)));
        assertThat(engine.prepared(request)).as("not copied again").isSameAs(request);
        answers.add(engine.submit(request));
        tokens[1] = again;
      }
      for (Future<Result> answer : answers) {
        assertThat(outcome(answer.get(SECONDS, TimeUnit.SECONDS))).isEqualTo(outcome(alone));
      }
    }
  }

  /** Whoever sends a token that the model does not know is told so; others notice nothing. */
  @Test
  void unknownTokensHarmNobodyElse() throws Exception {
    // They would all run in one step.
    EngineOptions together = options().withBatch(16).withMaxWait(Duration.ofMillis(300));
    try (Engine engine = Engine.open(directory, together)) {
      Future<Result> before = engine.submit("wab wac");
      for (int unknown : new int[] {-1, VOCABULARY, 1 << 20}) {
        Request wrong = Request.of(new Request.Prepared(new int[] {1, unknown}));
        assertThatThrownBy(() -> engine.submit(wrong))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("an input with token %d: the model knows 0 to 102".formatted(unknown));
        assertThatThrownBy(() -> engine.trySubmitAll(List.of(Request.of("wad"), wrong)))
            .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> engine.tryAudit(wrong))
            .isInstanceOf(IllegalArgumentException.class);
      }
      Future<Result> after =
          engine.submit(Request.of(new Request.Prepared(new int[] {0, VOCABULARY - 1})));
      assertThat(before.get(SECONDS, TimeUnit.SECONDS)).isNotNull();
      assertThat(after.get(SECONDS, TimeUnit.SECONDS)).isNotNull();
      assertThat(engine.counters().failedRows()).isZero();
    }
  }

  @Test
  void auditsAndExitsThatAreStopped() throws Exception {
    List<String> texts = TinyModel.sentences(random.nextLong(), REQUESTS);
    Map<String, Outcome> early = alone(texts, LAMBDA);
    Map<String, Outcome> full = alone(texts, BatchRunner.NEVER);
    try (Engine engine = Engine.open(directory, options())) {
      List<Future<Audited>> audits = new ArrayList<>();
      for (String text : texts) {
        engine.submit(text);
        audits.add(engine.tryAudit(Request.of(text)).orElseThrow());
      }
      for (int i = 0; i < texts.size(); i++) {
        Audited audited = audits.get(i).get(SECONDS, TimeUnit.SECONDS);
        assertThat(outcome(audited.early())).isEqualTo(early.get(texts.get(i)));
        assertThat(outcome(audited.full())).isEqualTo(full.get(texts.get(i)));
        assertThat(audited.early() == audited.full()).isEqualTo(audited.early().exit() == 2);
      }
      assertThat(engine.counters().done()).as("answers that count").isEqualTo(REQUESTS);
      long left = engine.counters().left()[0];
      assertThat(left).isPositive();
      engine.stopExiting();
      for (String text : texts) {
        assertThat(outcome(engine.submit(text).get(SECONDS, TimeUnit.SECONDS)))
            .isEqualTo(full.get(text));
      }
      assertThat(engine.counters().left()[0]).isEqualTo(left);
      Future<Audited> never = engine.tryAudit(Request.of("wab")).orElseThrow();
      engine.close();
      assertThat(never.isDone()).as("found out or dropped").isTrue();
      assertThat(engine.tryAudit(Request.of("wab"))).isEmpty();
    }
  }

  @Test
  void requestsThatBelongTogetherAllFitOrNoneDoes() throws Exception {
    EngineOptions small = options().withBatch(1).withQueue(20).withMaxWait(Duration.ofSeconds(1));
    try (Engine engine = Engine.open(directory, small)) {
      assertThat(engine.trySubmitAll(Collections.nCopies(21, Request.of("wab")))).isEmpty();
      assertThat(engine.accepted()).isZero();
      List<Future<Result>> answers =
          engine.trySubmitAll(Collections.nCopies(20, Request.of("wab"))).orElseThrow();
      assertThat(answers).hasSize(20);
      int fit = 0;
      for (int i = 0; i < 100; i++) {
        fit += engine.trySubmitAll(Collections.nCopies(7, Request.of("wac"))).isPresent() ? 1 : 0;
      }
      assertThat(engine.accepted()).isEqualTo(20 + 7L * fit);
      assertThat(answers.get(19).get(SECONDS, TimeUnit.SECONDS)).isNotNull();
    }
  }

  @Test
  void closeAnswersWhatWasAccepted() throws Exception {
    List<Future<Result>> answers = new ArrayList<>();
    Engine engine = Engine.open(directory, options().withMaxWait(Duration.ofSeconds(30)));
    for (String text : TinyModel.sentences(random.nextLong(), REQUESTS)) {
      answers.add(engine.submit(text));
    }
    engine.close();
    assertThat(answers).allMatch(answer -> answer.state() == Future.State.SUCCESS);
    assertThatThrownBy(() -> engine.submit("wab")).hasMessageContaining("closed");
    assertThatThrownBy(() -> engine.trySubmit(Request.of("wab"))).hasMessageContaining("closed");
    engine.close();
  }

  @Test
  void cancelledAndLateRequests() throws Exception {
    EngineOptions patient = options().withBatch(16).withMaxWait(Duration.ofSeconds(30));
    try (Engine engine = Engine.open(directory, patient)) {
      Future<Result> waits = engine.submit("wab wac");
      Future<Result> cancelled = engine.submit("wad");
      assertThat(cancelled.cancel(true)).isTrue();
      assertThatThrownBy(cancelled::get).isInstanceOf(CancellationException.class);
      // It does not wait for company, although that would come for half a minute.
      assertThat(
              engine
                  .submit(Request.of("wae").within(Duration.ofSeconds(20)))
                  .get(SECONDS, TimeUnit.SECONDS))
          .isNotNull();
      assertThat(engine.submit(Request.of("waf").within(Duration.ZERO)))
          .failsWithin(Duration.ofSeconds(20))
          .withThrowableOfType(ExecutionException.class)
          .withCauseInstanceOf(DeadlineException.class);
      engine.close(); // What still waits for company is answered.
      assertThat(waits.get(SECONDS, TimeUnit.SECONDS)).isNotNull();
      assertThat(engine.counters().droppedRows()).isEqualTo(2);
      assertThat(engine.counters().done()).isEqualTo(engine.accepted() - 2);
    }
  }

  @Test
  void aFullQueueMakesWaitOrSaysSo() throws Exception {
    EngineOptions small =
        options().withThreads(1).withBatch(1).withQueue(1).withMaxWait(Duration.ofSeconds(30));
    try (Engine engine = Engine.open(directory, small)) {
      List<Future<Result>> accepted = new ArrayList<>();
      long refused = 0;
      for (int i = 0; i < 20_000 && refused == 0; i++) {
        var answer = engine.trySubmit(Request.of("wab wac wad wae waf"));
        answer.ifPresent(accepted::add);
        refused += answer.isEmpty() ? 1 : 0;
      }
      assertThat(refused).as("refused once the queue was full").isEqualTo(1);
      for (int i = 0; i < 50; i++) {
        accepted.add(engine.submit("wag"));
      }
      // Who is late before there is room is told so, and does not wait for ever.
      List<Future<Result>> late = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        var answer = engine.trySubmit(Request.of("wah"));
        while (answer.isPresent()) {
          accepted.add(answer.get());
          answer = engine.trySubmit(Request.of("wah"));
        }
        late.add(engine.submit(Request.of("wai").within(Duration.ZERO)));
      }
      for (Future<Result> answer : late) {
        assertThatThrownBy(() -> answer.get(SECONDS, TimeUnit.SECONDS))
            .hasCauseInstanceOf(DeadlineException.class);
      }
      for (Future<Result> answer : accepted) {
        assertThat(answer.get(SECONDS, TimeUnit.SECONDS)).isNotNull();
      }
    }
  }

  @Test
  void aFaultTakesItsOwnRowsAlong() throws Exception {
    aFaultTakesItsOwnRowsAlong(Devices.open("jvm", new DeviceOptions(2)));
  }

  /** Here two steps are under way at a time. */
  @Test
  void aFaultTakesItsOwnRowsAlongOnOpenCl() throws Exception {
    aFaultTakesItsOwnRowsAlong(OpenClHere.open());
  }

  /** The rows of the step that failed fail, with the cause; everybody else is answered. */
  private void aFaultTakesItsOwnRowsAlong(Device opened) throws Exception {
    FaultyDevice faulty = new FaultyDevice(opened);
    List<String> texts = TinyModel.sentences(random.nextLong(), REQUESTS);
    int batch = 4;
    try (Engine engine = Engine.open(directory, options().withBatch(batch), faulty::device)) {
      List<Future<Result>> answers = new ArrayList<>();
      for (int i = 0; i < texts.size(); i++) {
        answers.add(engine.submit(texts.get(i)));
        if (i % 60 == 30) {
          (i % 120 == 30 ? faulty.faults : faulty.lateFaults).incrementAndGet();
        }
      }
      int failed = 0;
      for (Future<Result> answer : answers) {
        try {
          assertThat(answer.get(SECONDS, TimeUnit.SECONDS)).isNotNull();
        } catch (ExecutionException e) {
          assertThat(e.getCause()).isInstanceOf(DeviceException.class);
          failed++;
        }
      }
      assertThat(failed).isBetween(1, 5 * batch);
      assertThat(engine.counters().failedRows()).isEqualTo(failed);
      assertThat(engine.counters().done()).isEqualTo(texts.size() - failed);
      faulty.faults.set(0);
      faulty.lateFaults.set(0);
      // What came before does not show: the same text, the same answer, as often as it is asked.
      Result again = engine.submit(texts.getFirst()).get(SECONDS, TimeUnit.SECONDS);
      assertThat(engine.submit(texts.getFirst()).get(SECONDS, TimeUnit.SECONDS)).isEqualTo(again);
    }
    assertThat(opened.liveBytes()).isZero();
  }

  @Test
  void opensOnlyWithAGuaranteeOrWhenToldThatNoneIsWanted() throws Exception {
    EngineOptions certified = options().withPolicy(new Policy.Certified(null, false));
    assertThatThrownBy(() -> Engine.open(directory, certified))
        .isInstanceOf(NoGuaranteeException.class)
        .hasMessageContaining("there is no certificate")
        .hasMessageNotContaining("--full-depth");
    Path gone = folder.resolve("gone.json");
    EngineOptions named = options().withPolicy(new Policy.Certified(gone, false));
    assertThatThrownBy(() -> Engine.open(directory, named))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("gone.json: there is no such certificate");
    assertThatThrownBy(() -> Engine.open(TinyModel.write(folder.resolve("bare"), 7), certified))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no exit heads");
    assertThatThrownBy(() -> Engine.open(directory, options().onDevice("abacus:0")))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("abacus:0");
    assertThatThrownBy(() -> options().withBatch(0)).hasMessageContaining("batch is 0");
    assertThatThrownBy(() -> options().withBatch(16_385)).hasMessageContaining("1 to 16384");
    assertThatThrownBy(() -> options().withThreads(1025)).hasMessageContaining("1 to 1024");
    assertThatThrownBy(() -> options().withMaxWait(Duration.ofNanos(-1)))
        .hasMessageContaining("maxWait");
    assertThatThrownBy(() -> Request.of("wab").within(Duration.ofDays(2)))
        .hasMessageContaining("deadline");
    try (Engine engine = Engine.open(directory, options().withPolicy(new Policy.FullDepth()))) {
      assertThat(engine.submit("wab").get(SECONDS, TimeUnit.SECONDS).exit()).isEqualTo(2);
      assertThat(engine.deviceBytes()).isPositive();
      assertThat(engine.labels()).isEqualTo(TinyModel.LABELS);
    }
  }

  /** An application that forgot a flag of the JVM gets a slow device: it must be told. */
  @Test
  void whatMakesTheDeviceSlowIsLogged() {
    Device jvm = Devices.open("jvm", new DeviceOptions(1));
    DeviceInfo is = jvm.info();
    DeviceInfo slow =
        new DeviceInfo(is.id(), is.description(), 1L << 30, 1, is.precision(), "a flag is missing");
    InvocationHandler handler =
        (proxy, method, arguments) ->
            method.getName().equals("info") ? slow : method.invoke(jvm, arguments);
    Device device =
        (Device)
            Proxy.newProxyInstance(
                Device.class.getClassLoader(), new Class<?>[] {Device.class}, handler);
    List<String> logged = Collections.synchronizedList(new ArrayList<>());
    Logger logger = Logger.getLogger(Engine.class.getName());
    Filter former = logger.getFilter();
    logger.setFilter(entry -> logged.add(entry.getLevel() + " " + entry.getMessage()));
    try {
      Engine.open(directory, options(), () -> device).close();
    } finally {
      logger.setFilter(former);
    }
    assertThat(logged).contains("WARNING jvm: a flag is missing");
  }

  @Test
  void onOpenCl() throws Exception {
    OpenClHere.open().close();
    List<String> texts = TinyModel.sentences(random.nextLong(), REQUESTS);
    int compared = 0;
    try (ModelDirectory model = ModelDirectory.open(directory);
        Device jvm = Devices.open("jvm", new DeviceOptions(2));
        BatchRunner runner = BatchRunner.open(model, jvm, REQUESTS, TinyModel.MAX_TOKENS);
        Engine engine = Engine.open(directory, options().onDevice("opencl:0"))) {
      List<int[]> tokens =
          texts.stream().map(text -> model.tokenizer().encode(text, TinyModel.MAX_TOKENS)).toList();
      List<Outcome> expected = runner.run(tokens, LAMBDA);
      float[][] confidences = runner.observe(tokens, REQUESTS, done -> {}).confidence();
      List<Future<Result>> answers = new ArrayList<>();
      for (String text : texts) {
        answers.add(engine.submit(text));
      }
      for (int i = 0; i < texts.size(); i++) {
        Result result = answers.get(i).get(SECONDS, TimeUnit.SECONDS);
        // Another device rounds otherwise: close to the threshold a row may leave elsewhere.
        if (Math.abs(confidences[0][i] - LAMBDA) > TOLERANCE
            && Math.abs(confidences[1][i] - LAMBDA) > TOLERANCE) {
          assertThat(result.exit()).isEqualTo(expected.get(i).exit());
          compared++;
        }
      }
    }
    assertThat(compared).isGreaterThan(REQUESTS / 2);
  }
}
