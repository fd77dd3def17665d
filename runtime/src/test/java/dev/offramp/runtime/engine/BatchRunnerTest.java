package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.ExitTable;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.LiveRows;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchRunnerTest {
  private static final int BATCH = 37;

  @TempDir private Path folder;
  private ModelDirectory model;
  private Device device;

  @BeforeEach
  void open() {
    model = ModelDirectory.open(TinyModel.write(folder.resolve("model"), 33, 1, 2, 4));
    device = Devices.open("jvm", new DeviceOptions(2));
  }

  @AfterEach
  void close() {
    device.close();
    model.close();
  }

  private BatchRunner runner() {
    return BatchRunner.open(model, device, BATCH, TinyModel.MAX_TOKENS);
  }

  /** Exits decided while running are those that the table of all exits implies, bit for bit. */
  @Test
  void exitsAreThoseOfTheFullTable() {
    List<int[]> samples = TinyModel.tokens(1, 150);
    try (BatchRunner runner = runner()) {
      ExitTable table = runner.observe(samples, BATCH, done -> {});
      int early = 0;
      int ties = 0;
      double[] taken = {table.confidence()[0][3], table.confidence()[1][8]}; // whose rows stay
      for (double lambda : new double[] {0, 0.35, 0.5, 0.7, 0.9, 0.99, 1, taken[0], taken[1]}) {
        for (int from = 0; from < samples.size(); from += BATCH) {
          int to = Math.min(from + BATCH, samples.size());
          List<Outcome> outcomes = runner.run(samples.subList(from, to), lambda);
          assertThat(outcomes).hasSize(to - from);
          for (int i = from; i < to; i++) {
            int exit = table.exitOf(i, lambda);
            early += exit < 2 ? 1 : 0;
            ties += exit > 0 && table.confidence()[exit - 1][i] == lambda ? 1 : 0;
            assertThat(outcomes.get(i - from))
                .isEqualTo(
                    new Outcome(table.prediction()[exit][i], table.confidence()[exit][i], exit));
          }
        }
      }
      assertThat(early).as("the test is void if nobody exits early").isGreaterThan(200);
      assertThat(ties).as("or if nobody's confidence is lambda").isPositive();
    }
  }

  /** The head says which number counts; host and device go by the same. */
  @ParameterizedTest
  @ValueSource(strings = {"top1", "margin", "entropy"})
  void confidenceIsThatOfTheHead(String kind) {
    Path written =
        TinyModel.write(folder.resolve(kind), 7, "gelu", Head.ofText("mean", kind), 1, 2, 4);
    List<int[]> samples = TinyModel.tokens(14, BATCH);
    float[][][] probabilities = new float[1][][];
    try (ModelDirectory other = ModelDirectory.open(written);
        BatchRunner runner = BatchRunner.open(other, device, BATCH, TinyModel.MAX_TOKENS)) {
      ExitTable table =
          runner.observe(
              samples, BATCH, (from, count, all) -> probabilities[0] = all.clone(), done -> {});
      int classes = TinyModel.LABELS.size();
      int[] left = new int[3];
      double[] quartiles = {quartile(table.confidence()[0]), quartile(table.confidence()[1])};
      List<Outcome> outcomes = runner.run(samples, quartiles);
      for (int i = 0; i < BATCH; i++) {
        for (int exit = 0; exit < 3; exit++) {
          float[] row = Arrays.copyOfRange(probabilities[0][exit], i * classes, (i + 1) * classes);
          assertThat((double) table.confidence()[exit][i])
              .isCloseTo(confidence(kind, row), within(1e-5));
        }
        int exit = table.exitOf(i, quartiles);
        left[exit]++;
        assertThat(outcomes.get(i))
            .isEqualTo(new Outcome(table.prediction()[exit][i], table.confidence()[exit][i], exit));
      }
      assertThat(left[2]).as("the test is void if all leave, or none").isBetween(1, BATCH - 1);
    }
  }

  /** A card sizes its work by what it is told: of fewer positions some were not computed. */
  @Test
  void theDeviceIsToldWhatIsLeft() {
    List<int[]> samples = TinyModel.tokens(1, BATCH);
    List<List<Integer>> told = new ArrayList<>();
    List<List<Integer>> left = new ArrayList<>();
    try (BatchRunner runner =
        BatchRunner.open(model, telling(device, told), BATCH, TinyModel.MAX_TOKENS)) {
      ExitTable table = runner.observe(samples, BATCH, done -> {});
      double[] quartiles = {quartile(table.confidence()[0]), quartile(table.confidence()[1])};
      List<Outcome> outcomes = runner.run(samples, quartiles);
      for (int exit = 0; exit < 3; exit++) {
        int rows = 0;
        int positions = 0;
        for (int i = 0; i < BATCH; i++) {
          rows += outcomes.get(i).exit() > exit ? 1 : 0;
          positions += outcomes.get(i).exit() > exit ? samples.get(i).length : 0;
        }
        if (rows < (left.isEmpty() ? BATCH : left.getLast().getFirst())) {
          left.add(List.of(rows, positions));
        }
      }
    }
    assertThat(left).as("the test is void if all leave together").hasSizeGreaterThan(1);
    assertThat(told).isEqualTo(left);
  }

  /** The same device, whose tables of live rows note what {@link LiveRows#atMost} is told. */
  private static Device telling(Device device, List<List<Integer>> told) {
    Map<Object, Object> tables = new IdentityHashMap<>(); // what a table is to the device
    return proxy(
        Device.class,
        (_, method, arguments) -> {
          Object[] own =
              Stream.ofNullable(arguments)
                  .flatMap(Arrays::stream)
                  .map(argument -> tables.getOrDefault(argument, argument))
                  .toArray();
          Object result = method.invoke(device, own);
          if (!(result instanceof LiveRows rows)) {
            return result;
          }
          LiveRows noting =
              proxy(
                  LiveRows.class,
                  (_, called, given) -> {
                    if (called.getName().equals("atMost")) {
                      told.add(List.of((Integer) given[0], (Integer) given[1]));
                    }
                    return called.invoke(rows, given);
                  });
          tables.put(noting, rows);
          return noting;
        });
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  private static double quartile(float[] values) {
    float[] ascending = values.clone();
    Arrays.sort(ascending);
    return ascending[ascending.length / 4];
  }

  private static double confidence(String kind, float[] probabilities) {
    Arrays.sort(probabilities);
    double nats = 0;
    for (double p : probabilities) {
      nats += p > 0 ? p * Math.log(p) : 0;
    }
    return switch (kind) {
      case "top1" -> probabilities[2];
      case "margin" -> probabilities[2] - probabilities[1];
      default -> 1 + nats / Math.log(3);
    };
  }

  /** Each exit has its own threshold, as the table says; an exit with 1 is passed by. */
  @Test
  void thresholdsOfEveryExit() {
    List<int[]> samples = TinyModel.tokens(10, BATCH);
    try (BatchRunner runner = runner()) {
      ExitTable table = runner.observe(samples, BATCH, done -> {});
      int[] left = new int[3];
      for (double[] thresholds : new double[][] {{0.9, 0.4}, {1, 0.5}, {0.6, 1}, {1, 1}, {0, 1}}) {
        List<Outcome> outcomes = runner.run(samples, thresholds);
        for (int i = 0; i < BATCH; i++) {
          int exit = table.exitOf(i, thresholds);
          left[exit]++;
          assertThat(outcomes.get(i))
              .isEqualTo(
                  new Outcome(table.prediction()[exit][i], table.confidence()[exit][i], exit));
        }
      }
      assertThat(left).as("the test is void if an exit is never taken").doesNotContain(0);
      assertThat(runner.runThrough(samples, 1)).isEqualTo(runner.runTo(samples, 1));
      assertThatThrownBy(() -> runner.run(samples, new double[3]))
          .hasMessageContaining("3 thresholds")
          .hasMessageContaining("2 exits");
      assertThatThrownBy(() -> runner.run(samples, new double[] {0.5, -1}))
          .hasMessageContaining("lambda -1");
    }
  }

  /** Rows that are computed on after they left change nothing, and the batch ends with the last. */
  @Test
  void aWholeBatchHasTheSameOutcomes() {
    List<int[]> samples = TinyModel.tokens(12, BATCH);
    try (BatchRunner runner = runner()) {
      for (double[] thresholds :
          new double[][] {{0.9, 0.4}, {1, 0.5}, {0.6, 1}, {1, 1}, {0, 0}, {0.9, 0.9}}) {
        List<Outcome> outcomes = runner.run(samples, thresholds);
        assertThat(runner.runWhole(samples, thresholds)).isEqualTo(outcomes);
        assertThat(runner.run(samples, thresholds))
            .as("the runner is as before")
            .isEqualTo(outcomes);
      }
      assertThat(
              runner.run(samples, new double[] {0.9, 0.9}).stream().map(Outcome::exit).distinct())
          .as("the test is void if all leave together")
          .hasSizeGreaterThan(1);
    }
  }

  @Test
  void neighboursDoNotMatter() {
    List<int[]> samples = TinyModel.tokens(2, BATCH);
    try (BatchRunner runner = runner()) {
      List<Outcome> together = runner.run(samples, 0.6);
      for (int i = 0; i < samples.size(); i++) {
        assertThat(runner.run(List.of(samples.get(i)), 0.6)).containsExactly(together.get(i));
      }
      List<Integer> order = new ArrayList<>(IntStream.range(0, BATCH).boxed().toList());
      Collections.shuffle(order, new Random(3));
      List<Outcome> shuffled = runner.run(order.stream().map(samples::get).toList(), 0.6);
      assertThat(shuffled).isEqualTo(order.stream().map(together::get).toList());
    }
  }

  @Test
  void lambdaOneNeverExitsEarly() {
    try (BatchRunner runner = runner()) {
      List<int[]> samples = TinyModel.tokens(4, 20);
      assertThat(runner.run(samples, BatchRunner.NEVER)).allMatch(outcome -> outcome.exit() == 2);
      assertThat(runner.run(samples, BatchRunner.NEVER)).isEqualTo(runner.runTo(samples, 2));
      assertThat(runner.runTo(samples, 1)).allMatch(outcome -> outcome.exit() == 1);
    }
  }

  /** Where the full model computes no number every exit seems to agree with it. */
  @Test
  void ofWhatIsNoNumberNothingIsConcluded() throws IOException {
    String name = "encoder.layer.3.output.dense.weight"; // The earlier exits compute numbers.
    Tensor sound = model.tensor(name);
    float[] huge = new float[(int) sound.elements()];
    Arrays.fill(huge, Float.MAX_VALUE);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>(model.tensors());
    tensors.put(name, Tensor.ofFloats(name, huge, TinyModel.HIDDEN, 40));
    byte[] tokenizer = Files.readAllBytes(model.path().resolve(ModelDirectory.TOKENIZER));
    Path broken = folder.resolve("broken");
    ModelDirectory.write(broken, model.config(), tensors, tokenizer, false);
    List<int[]> samples = TinyModel.tokens(4, 9);
    List<Head> heads = model.config().exits().stream().map(Exit::head).toList();
    try (ModelDirectory other = ModelDirectory.open(broken);
        BatchRunner runner = BatchRunner.open(other, device, 4, TinyModel.MAX_TOKENS)) {
      assertThat(runner.runTo(samples.subList(0, 4), 1))
          .allMatch(outcome -> Float.isFinite(outcome.confidence()));
      for (ThrowingCallable pass :
          List.<ThrowingCallable>of(
              () -> runner.observe(samples, 4, done -> {}),
              () -> runner.observe(samples, 4, (from, count, all) -> {}, done -> {}),
              () -> runner.features(samples, 4, heads, done -> {}))) {
        assertThatThrownBy(pass)
            .isInstanceOf(InputException.class)
            .hasMessageContaining("layer 4: computes no number (NaN) for sample 0 in F32");
      }
    }
  }

  @Test
  void moreRowsThanFitAnArrayAreRefused() {
    assertThatThrownBy(
            () -> BatchRunner.open(model, device, Integer.MAX_VALUE, TinyModel.MAX_TOKENS))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "2147483647 rows of %d numbers do not fit; use a smaller --batch"
                .formatted(TinyModel.MAX_TOKENS));
    assertThat(device.liveBytes()).isZero();
    assertThat(RowStore.numbers(4096, 224 * 224)).isEqualTo(4096 * 224 * 224);
    assertThatThrownBy(() -> RowStore.numbers(4096, 1024 * 1024))
        .isInstanceOf(InputException.class);
  }

  @Test
  void deviceMemoryIsGivenBack() {
    long before = device.liveBytes();
    try (BatchRunner runner = runner()) {
      runner.run(TinyModel.tokens(5, 9), 0.5);
      assertThat(device.liveBytes()).isGreaterThan(before);
    }
    assertThat(device.liveBytes()).isEqualTo(before);
    assertThatThrownBy(() -> BatchRunner.open(model, device, 0, 5))
        .hasMessageContaining("must be at least 1");
    assertThatThrownBy(() -> BatchRunner.open(model, device, 4, 33))
        .hasMessageContaining("1 to 32");
    assertThat(device.liveBytes()).isEqualTo(before);
  }

  @Test
  void featuresArePooledHiddenStatesOfEveryCut() {
    List<int[]> samples = TinyModel.tokens(6, 11);
    Head mean = Head.ofText("mean", "top1");
    List<Exit> exits = IntStream.rangeClosed(1, 4).mapToObj(l -> new Exit(l, mean)).toList();
    try (BatchRunner all = BatchRunner.openAt(model, device, exits, 4, TinyModel.MAX_TOKENS);
        BatchRunner last =
            BatchRunner.openAt(model, device, exits.subList(3, 4), 11, TinyModel.MAX_TOKENS)) {
      List<float[]> features =
          all.features(samples, 4, List.of(mean, mean, mean, mean), done -> {});
      assertThat(features).hasSize(4).allMatch(f -> f.length == 11 * TinyModel.HIDDEN);
      assertThat(features.get(3))
          .isEqualTo(last.features(samples, 11, List.of(mean), done -> {}).getFirst());
      assertThat(features.get(2)).isNotEqualTo(features.get(3));
    }
  }

  @Test
  void wrongInputIsRefused() {
    try (BatchRunner runner = runner()) {
      assertThatThrownBy(() -> runner.run(TinyModel.tokens(8, BATCH + 1), 0.5))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("1 to " + BATCH);
      assertThatThrownBy(() -> runner.run(List.of(), 0.5))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a batch of 0 rows");
      assertThatThrownBy(() -> runner.run(List.of(new int[] {5}, new int[0]), 0.5))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a row of 0 numbers");
      assertThatThrownBy(() -> runner.run(TinyModel.tokens(8, 2), 1.5))
          .hasMessageContaining("lambda 1.5");
      assertThatThrownBy(() -> runner.run(TinyModel.tokens(8, 2), Double.NaN))
          .hasMessageContaining("lambda NaN");
      assertThatThrownBy(() -> runner.run(List.of(new int[TinyModel.MAX_TOKENS + 1]), 0.5))
          .hasMessageContaining("at most " + TinyModel.MAX_TOKENS);
    }
  }

  /** Comparing floats with the floor of lambda is comparing them with lambda. */
  @Test
  void thresholdOfFloatsIsExact() {
    Random random = new Random(9);
    for (int i = 0; i < 10_000; i++) {
      double lambda = i % 2 == 0 ? random.nextDouble() : random.nextFloat();
      float threshold = Floors.floor(lambda);
      Floors floors = Floors.of(new double[] {lambda}, 2);
      assertThat(floors.at(0)).isEqualTo(threshold);
      for (float score = Math.nextDown((float) lambda), n = 0; n < 3; n++) {
        assertThat(score > threshold).isEqualTo(score > lambda);
        assertThat(floors.leaves(0, score)).isEqualTo(score > lambda);
        score = Math.nextUp(score);
      }
    }
    assertThat(Floors.floor(1)).isEqualTo(1f);
    Floors never = Floors.of(new double[] {1, 0.5}, 3);
    assertThat(never.leaves(0, Float.MAX_VALUE)).isFalse();
    assertThat(List.of(never.asks(0), never.asks(1), never.asks(2)))
        .as("heads that are asked")
        .containsExactly(false, true, true);
    assertThat(never.leaves(1, Float.NaN)).isFalse();
    assertThat(never.leaves(2, Float.NaN)).isTrue();
  }
}
