package dev.offramp.kernels.jvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.jvm.Replay.Blocking;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Recordings replayed by blocks of rows: what runs when, and that bits stay the same. */
class ReplayTest {
  private static final int CAPACITY = 40;
  private static final int POSITIONS = 40;
  private static final int HEADS = 3;
  private static final int WIDTH = 48;
  private static final int INNER = 400; // Other than three widths: one buffer in two layouts.
  private static final int CLASSES = 5;
  private static final int VOCABULARY = 30;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());

  /** All that a replay leaves. */
  private record Outcome(
      List<Integer> live, float[] hidden, float[] wide, float[] scores, float[] pooled) {
    void isThatOf(Outcome other, String what) {
      assertThat(live).as(what).isEqualTo(other.live);
      assertThat(hidden).as(what).isEqualTo(other.hidden);
      assertThat(wide).as(what).isEqualTo(other.wide);
      assertThat(scores).as(what).isEqualTo(other.scores);
      assertThat(pooled).as(what).isEqualTo(other.pooled);
    }
  }

  @Test
  void bitsAreThoseOfOneOperationAfterTheOther() {
    System.out.println("ReplayTest: offramp.seed=" + seed);
    Outcome expected = run(1, Blocking.NONE, false);
    assertThat(expected.live).hasSizeBetween(1, CAPACITY / 2 + 1);
    assertThat(expected.hidden).doesNotContain(Float.NaN);
    for (int threads : new int[] {1, 2, 3, 5}) {
      for (int tokens : new int[] {1, 24, 100}) {
        run(threads, new Blocking(tokens, 10), true)
            .isThatOf(expected, threads + " threads, blocks of " + tokens + " tokens");
      }
      run(threads, Blocking.NONE, true).isThatOf(expected, threads + " threads, no blocks");
    }
  }

  /** Two layers with an exit and a compaction between them, and pooling at the end. */
  private Outcome run(int threads, Blocking blocking, boolean record) {
    Random random = new Random(seed);
    try (JvmDevice device = new JvmDevice(new DeviceOptions(threads))) {
      device.blocking(blocking);
      LiveRows rows = device.liveRows(CAPACITY, POSITIONS);
      int tokens = CAPACITY * POSITIONS;
      Buffer ids = device.allocate(DataType.I32, tokens);
      int[] words = random.ints(tokens, 0, VOCABULARY).toArray();
      device.copyIn(MemorySegment.ofArray(words), ids, 0);
      Buffer hidden = device.allocate(DataType.F32, tokens * WIDTH);
      Buffer wide = device.allocate(DataType.F32, tokens * INNER);
      Buffer context = device.allocate(DataType.F32, tokens * WIDTH);
      Buffer pooled = device.allocate(DataType.F32, CAPACITY * WIDTH);
      ExitSignal signal = ExitSignal.allocate(device, CAPACITY, CLASSES);
      Normalization norm =
          new Normalization(upload(device, random, WIDTH), upload(device, random, WIDTH), 1e-5f);
      EmbeddingTables tables =
          new EmbeddingTables(
              upload(device, random, VOCABULARY * WIDTH),
              upload(device, random, POSITIONS * WIDTH),
              upload(device, random, WIDTH),
              norm);
      Linear qkv = linear(device, random, WIDTH, 3 * WIDTH);
      Linear up = linear(device, random, WIDTH, INNER);
      Linear down = linear(device, random, INNER, WIDTH);
      Linear head = linear(device, random, WIDTH, CLASSES);
      Runnable layer =
          () -> {
            device.gemm(rows, qkv, hidden, Epilogue.BIAS, null, wide);
            device.attention(rows, HEADS, WIDTH / HEADS, wide, context);
            device.layerNorm(rows, norm, context, context);
            device.gemm(rows, up, context, Epilogue.BIAS_GELU, null, wide);
            device.gemm(rows, down, wide, Epilogue.BIAS_RESIDUAL, context, hidden);
            device.layerNorm(rows, norm, hidden, hidden);
            device.exitHead(rows, Pooling.MEAN, head, hidden, signal);
          };
      load(rows, random);
      Runnable first =
          () -> {
            device.embed(rows, tables, ids, hidden);
            layer.run();
          };
      first.run();
      float lambda = median(device, signal, rows.count());
      Runnable all =
          () -> {
            first.run();
            device.compact(rows, signal, Confidence.TOP1, lambda);
            layer.run();
            device.pool(rows, Pooling.MAX, WIDTH, hidden, pooled);
          };
      if (record) {
        device.record(all).replay();
      } else {
        all.run();
      }
      return new Outcome(
          IntStream.of(rows.rows()).boxed().toList(),
          floats(device, hidden),
          floats(device, wide),
          floats(device, signal.scores()),
          floats(device, pooled));
    }
  }

  /** Most rows in random order, with random lengths. */
  private static void load(LiveRows rows, Random random) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, CAPACITY).boxed().toList());
    Collections.shuffle(order, random);
    int[] some = order.stream().limit(CAPACITY - 7).mapToInt(Integer::intValue).toArray();
    rows.load(some, random.ints(some.length, 1, POSITIONS + 1).toArray(), POSITIONS);
  }

  private static float median(JvmDevice device, ExitSignal signal, int count) {
    float[] scores = floats(device, signal.scores());
    return (float)
        IntStream.range(0, count).mapToDouble(i -> scores[i]).sorted().toArray()[count / 2];
  }

  private static float[] numbers(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  private static Buffer upload(JvmDevice device, Random random, int count) {
    Buffer buffer = device.allocate(DataType.F32, count);
    device.copyIn(MemorySegment.ofArray(numbers(random, count)), buffer, 0);
    return buffer;
  }

  private static Linear linear(JvmDevice device, Random random, int inputs, int outputs) {
    MemorySegment weight = MemorySegment.ofArray(numbers(random, inputs * outputs));
    MemorySegment bias = MemorySegment.ofArray(numbers(random, outputs));
    return device.linear(inputs, outputs, weight, DataType.F32, bias);
  }

  private static float[] floats(JvmDevice device, Buffer buffer) {
    float[] values = new float[(int) buffer.elements()];
    device.copyOut(buffer, 0, MemorySegment.ofArray(values));
    return values;
  }

  private final List<String> log = new ArrayList<>();
  private final float[] x = new float[1];
  private final float[] y = new float[1];

  private JvmRows rows(int... lengths) {
    JvmRows rows = new JvmRows(new Memory(), lengths.length, 100);
    rows.load(IntStream.range(0, lengths.length).toArray(), lengths, 100);
    return rows;
  }

  /** An operation that only writes down how it is run. */
  private Work work(String name, JvmRows rows, Work.Use... uses) {
    return new Work(
        rows,
        workers -> log.add(name),
        (block, scratch) -> log.add(name + block.fromRow() + "-" + block.toRow()),
        List.of(uses));
  }

  private List<String> replay(Blocking blocking, int threads, Work... works) {
    log.clear();
    try (Workers workers = new Workers(threads)) {
      Replay replay = new Replay(workers, blocking);
      List.of(works).forEach(replay::add);
      replay.finish();
    }
    return log;
  }

  @Test
  void aBlockGoesThroughAllOperationsBeforeTheNext() {
    JvmRows rows = rows(10, 12, 8, 10);
    Work.Use use = Work.Use.byRow(x, 1);
    assertThat(replay(new Blocking(20, 0.1), 1, work("a", rows, use), work("b", rows, use)))
        .containsExactly("a0-2", "b0-2", "a2-4", "b2-4");
  }

  @Test
  void aStretchEndsWhereRowsCouldMeet() {
    JvmRows rows = rows(10, 10);
    Blocking blocking = new Blocking(10, 0);
    Work a = work("a", rows, Work.Use.byRow(x, 1));
    Work b = work("b", rows, Work.Use.byRow(x, 1), Work.Use.byRow(y, 3));

    for (Work other :
        List.of(
            work("c", rows, Work.Use.byRow(x, 2)),
            work("c", rows, Work.Use.common(x)),
            work("c", rows, new Work.Use(x, Work.Layout.BY_ORDER, 1)),
            work("c", rows(10, 10), Work.Use.byRow(x, 1)),
            new Work(rows, workers -> log.add("c"), null, List.of()))) {
      assertThat(replay(blocking, 1, a, b, other, b, a))
          .containsExactly("a0-1", "b0-1", "a1-2", "b1-2", "c", "b0-1", "a0-1", "b1-2", "a1-2");
    }
  }

  @Test
  void fewOrUnevenRowsAreSplitByOperation() {
    Work.Use use = Work.Use.byRow(x, 1);
    JvmRows few = rows(10, 10);
    assertThat(replay(new Blocking(20, 1), 2, work("a", few, use), work("b", few, use)))
        .containsExactly("a", "b");
    JvmRows uneven = rows(90, 10, 10);
    assertThat(replay(new Blocking(20, 0.1), 2, work("a", uneven, use), work("b", uneven, use)))
        .containsExactly("a", "b");
    assertThat(replay(new Blocking(20, 0.1), 1, work("a", uneven, use), work("b", uneven, use)))
        .containsExactly("a0-1", "b0-1", "a1-3", "b1-3");
  }
}
