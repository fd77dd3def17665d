package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Recording;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** A recording does what its buffers, rows and strides ask for when it is replayed. */
final class RecordingCases {
  private static final int WIDTH = 16;
  private static final int HEADS = 2;
  private static final int CLASSES = 3;
  private static final int MOST_POSITIONS = 9;
  private static final float LAMBDA = 0.5f;

  private RecordingCases() {}

  static List<Case> all() {
    return List.of(
        recording("all operations, batches of 7", side -> play(side, 7)),
        recording("all operations, batches of 129", side -> play(side, 129)),
        recording("replayed twice", RecordingCases::twice));
  }

  private static Case recording(String shape, Case.Play play) {
    return new Case("recording", shape, Tolerance.ATTENTION, play);
  }

  /**
   * Recorded while no row is live, replayed with other rows, lengths and strides each time. Where
   * one operation reads what another wrote, its weights halve what it is given, so that errors stay
   * within the tolerance of one.
   */
  private static void play(Side side, int capacity) {
    int size = capacity * MOST_POSITIONS * WIDTH;
    LiveRows rows = side.open(side.device.liveRows(capacity, MOST_POSITIONS));
    ExitSignal given = side.signal(capacity, 0);
    ExitSignal signal = side.signal(capacity, CLASSES);
    EmbeddingTables tables =
        new EmbeddingTables(
            side.f32(side.numbers(7 * WIDTH, 1)),
            side.f32(side.numbers(MOST_POSITIONS * WIDTH, 1)),
            side.f32(side.numbers(WIDTH, 1)),
            side.normalization(WIDTH));
    Normalization norm = side.normalization(WIDTH);
    Linear map = halving(side, WIDTH);
    Linear head =
        side.head(WIDTH, CLASSES, side.numbers(WIDTH * CLASSES, 0.5), side.numbers(CLASSES, 1));
    Buffer ids = side.i32(new int[capacity * MOST_POSITIONS]);
    Buffer embedded = side.activations(new float[size]);
    Buffer in = side.activations(new float[size]);
    Buffer normed = side.activations(new float[size]);
    Buffer qkv = side.activations(new float[3 * size]);
    Buffer attended = side.activations(new float[size]);
    Buffer out = side.activations(new float[size]);
    Buffer pooled = side.f32(new float[capacity * WIDTH]);
    Recording recording =
        side.open(
            side.device.record(() -> {
              side.device.embed(rows, tables, ids, embedded);
              side.device.compact(rows, given, Confidence.MARGIN, LAMBDA);
              side.device.layerNorm(rows, norm, in, normed);
              side.device.attention(rows, HEADS, WIDTH / HEADS, qkv, attended);
              side.device.gemm(rows, map, attended, Epilogue.BIAS, null, out);
              side.device.pool(rows, Pooling.MEAN, WIDTH, out, pooled);
              side.device.exitHead(rows, Pooling.MAX, head, out, signal);
            }));
    Side.require(allZero(side.floats(out)), "operations ran while they were recorded");

    for (int positions : new int[] {7, 1, MOST_POSITIONS, 4}) {
      Batch batch = Batch.random(side.random, capacity, positions);
      rows.load(batch.rows(), batch.lengths(), positions);
      int[] tokens = side.random.ints(capacity * positions, 0, 7).toArray();
      side.device.copyIn(MemorySegment.ofArray(tokens), ids, 0).await();
      side.refill(embedded, batch.poisoned(WIDTH));
      side.refill(in, batch.input(side, WIDTH, 1));
      side.refill(normed, batch.poisoned(WIDTH));
      side.refill(qkv, batch.input(side, 3 * WIDTH, 2));
      side.refill(out, batch.poisoned(WIDTH));
      float[] scores = side.numbers(3 * capacity, 1);
      side.device.copyIn(MemorySegment.ofArray(scores), given.scores(), 0).await();

      recording.replay();

      Batch stayed = stayed(batch, scores);
      Side.require(
          Arrays.equals(rows.rows(), stayed.rows()), "the live rows are wrong after a replay");
      int used = capacity * positions * WIDTH;
      side.output("embedded", batch.written(part(side, embedded, used), WIDTH));
      side.output("normed", stayed.written(part(side, normed, used), WIDTH));
      side.output("out", stayed.written(part(side, out, used), WIDTH));
      side.output("pooled", part(side, pooled, stayed.count() * WIDTH));
      side.output("probabilities", part(side, signal.probabilities(), stayed.count() * CLASSES));
    }

    rows.load(new int[0], new int[0], 3);
    side.refill(out, Side.poison(size));
    recording.replay();
    Batch.none(capacity, MOST_POSITIONS).written(side.floats(out), WIDTH);
  }

  private static Linear halving(Side side, int outputs) {
    double scale = 0.5 * Math.sqrt(3.0 / WIDTH);
    return side.linear(
        WIDTH, outputs, side.numbers(WIDTH * outputs, scale), side.numbers(outputs, 1));
  }

  private static float[] part(Side side, Buffer buffer, int elements) {
    return Arrays.copyOf(side.floats(buffer), elements);
  }

  private static boolean allZero(float[] values) {
    for (float value : values) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }

  private static Batch stayed(Batch batch, float[] scores) {
    int line = Confidence.MARGIN.ordinal() * batch.capacity();
    return batch.keep(i -> !(scores[line + i] > LAMBDA));
  }

  /** In place, so that one replay too many or too few shows. */
  private static void twice(Side side) {
    Batch batch = Batch.random(side.random, 7, 7);
    LiveRows rows = batch.load(side);
    Buffer in = side.activations(batch.input(side, WIDTH, 1));
    Buffer sum = side.activations(batch.input(side, WIDTH, 1, Side.POISON));
    Linear map = halving(side, WIDTH);
    try (Recording recording =
        side.device.record(
            () -> side.device.gemm(rows, map, in, Epilogue.BIAS_RESIDUAL, sum, sum))) {
      recording.replay();
      recording.replay();
    }
    side.output("sum", batch.written(side.floats(sum), WIDTH));
  }
}
