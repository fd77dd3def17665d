package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Pooling;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Pooling, exit heads and compaction: what ends a row. */
final class ExitCases {
  private static final float LAMBDA = 0.5f;

  /** What a head of bias only is given: ties, great differences, NaN, infinities. */
  private static final float[][] ODD_LOGITS = {
    {1, 5, 5},
    {-3e4f, 3e4f, 0},
    {Float.NaN, 2, 3},
    {Float.NaN, Float.NaN, Float.NaN},
    {1, Float.NEGATIVE_INFINITY, 0},
    {2, Float.POSITIVE_INFINITY, 2}
  };

  private ExitCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (Pooling pooling : Pooling.values()) {
      for (int width : new int[] {1, 7, 127, 129}) {
        cases.add(
            pool(
                "%s, width %d".formatted(pooling, width),
                side -> pool(side, Batch.random(side.random, 13, 9), pooling, width)));
      }
      cases.add(
          pool(
              pooling + ", 129 rows",
              side -> pool(side, Batch.random(side.random, 129, 7), pooling, 7)));
      cases.add(pool(pooling + ", NaN and infinity", side -> oddPool(side, pooling)));
      // Capacity, inputs, classes.
      for (int[] s :
          new int[][] {
            {1, 7, 1}, {7, 64, 2}, {53, 33, 7}, {7, 384, 77}, {5, 385, 127}, {129, 1, 129}
          }) {
        cases.add(
            head(
                "%s, %d rows, %d inputs, %d classes".formatted(pooling, s[0], s[1], s[2]),
                side -> head(side, Batch.random(side.random, s[0], 3), pooling, s[1], s[2])));
      }
    }
    cases.add(pool("no live row", side -> pool(side, Batch.none(7, 3), Pooling.MEAN, 7)));
    cases.add(head("no live row", side -> head(side, Batch.none(7, 3), Pooling.MEAN, 7, 3)));
    cases.add(head("odd logits", ExitCases::oddHead));
    for (Confidence confidence : Confidence.values()) {
      for (int capacity : new int[] {1, 7, 127, 129, 1025}) {
        cases.add(
            compact(
                "%s, %d rows".formatted(confidence, capacity),
                side -> compact(side, Batch.random(side.random, capacity, 7), confidence)));
      }
      cases.add(
          compact(
              "%s, no live row".formatted(confidence),
              side -> compact(side, Batch.none(7, 3), confidence)));
    }
    cases.add(compact("NaN, infinity and lambda itself stay", ExitCases::boundaries));
    return cases;
  }

  private static Case pool(String shape, Case.Play play) {
    return new Case("pool", shape, Tolerance.F32, play);
  }

  private static Case head(String shape, Case.Play play) {
    return new Case("exitHead", shape, Tolerance.F32, play);
  }

  private static Case compact(String shape, Case.Play play) {
    return new Case("compact", shape, Tolerance.PRODUCT, play);
  }

  private static void pool(Side side, Batch batch, Pooling pooling, int width) {
    pool(side, batch, pooling, width, batch.input(side, width, 1));
  }

  private static void pool(Side side, Batch batch, Pooling pooling, int width, float[] x) {
    Buffer out = side.f32(Side.poison(batch.capacity() * width));

    side.device.pool(batch.load(side), pooling, width, side.activations(x), out);

    side.output("out", Arrays.copyOf(side.floats(out), batch.count() * width));
  }

  private static void oddPool(Side side, Pooling pooling) {
    Batch batch = Batch.full(3, 4);
    float[] x = batch.input(side, 7, 1);
    x[7 + 3] = Float.NaN; // Row 0, position 1.
    x[4 * 7 + 2] = Float.NaN; // Row 1, position 0.
    x[9 * 7 + 5] = Float.POSITIVE_INFINITY; // Row 2, position 1.
    pool(side, batch, pooling, 7, x);
  }

  private static void head(Side side, Batch batch, Pooling pooling, int inputs, int classes) {
    float[] weight = side.singles(inputs * classes, 5 / Math.sqrt(inputs));
    Linear head = side.head(inputs, classes, weight, side.singles(classes, 1));
    Buffer in = side.activations(batch.input(side, inputs, 1));
    ExitSignal signal = side.signal(batch.capacity(), classes);
    ExitSignal withoutProbabilities = side.signal(batch.capacity(), 0);
    LiveRows rows = batch.load(side);

    side.device.exitHead(rows, pooling, head, in, signal);
    side.device.exitHead(rows, pooling, head, in, withoutProbabilities);

    verdicts(side, signal, batch.count(), classes);
    scores(side, withoutProbabilities, batch.count());
  }

  /** Of classes equally probable but for rounding, either may be predicted. */
  private static void verdicts(Side side, ExitSignal signal, int count, int classes) {
    scores(side, signal, count);
    float[] probabilities = side.floats(signal.probabilities());
    side.output("probabilities", Arrays.copyOf(probabilities, count * classes));
    int[] predictions = side.ints(signal.predictions());
    float[] ofPredicted = new float[count];
    for (int i = 0; i < count; i++) {
      int predicted = predictions[i];
      Side.require(
          predicted >= 0 && predicted < classes,
          "the %d-th live row is of class %d, of %d classes",
          i,
          predicted,
          classes);
      ofPredicted[i] = probabilities[i * classes + predicted];
    }
    side.output("probability of the predicted class", ofPredicted);
  }

  private static void scores(Side side, ExitSignal signal, int count) {
    float[] scores = side.floats(signal.scores());
    for (Confidence confidence : Confidence.values()) {
      int line = confidence.ordinal() * signal.capacity();
      side.output(confidence.name(), Arrays.copyOfRange(scores, line, line + count));
    }
  }

  private static void oddHead(Side side) {
    LiveRows rows = Batch.full(1, 1).load(side);
    Buffer in = side.activations(new float[1]);
    for (float[] logits : ODD_LOGITS) {
      ExitSignal signal = side.signal(1, 3);

      side.device.exitHead(rows, Pooling.FIRST, side.head(1, 3, new float[3], logits), in, signal);

      String name = "of logits " + Arrays.toString(logits);
      side.exactly("prediction " + name, side.ints(signal.predictions()));
      side.output("scores " + name, side.floats(signal.scores()));
    }
  }

  /** Random scores, some of them lambda or NaN; a product afterwards finds the rows that stay. */
  private static void compact(Side side, Batch batch, Confidence confidence) {
    float[] line = side.numbers(batch.count(), 1);
    for (int i = 0; i < line.length; i++) {
      float score = Math.abs(line[i]);
      line[i] = i % 5 == 1 ? LAMBDA : i % 7 == 2 ? Float.NaN : score;
    }
    LiveRows rows = batch.load(side);

    side.device.compact(rows, given(side, batch, confidence, line), confidence, LAMBDA);
    Batch left = batch.keep(i -> !(line[i] > LAMBDA));
    look(side, rows, left);
    side.device.compact(
        rows, given(side, batch, confidence, new float[left.count()]), confidence, LAMBDA);
    look(side, rows, left);
    float[] ones = new float[left.count()];
    Arrays.fill(ones, 1);
    side.device.compact(rows, given(side, batch, confidence, ones), confidence, LAMBDA);
    look(side, rows, left.keep(i -> false));
  }

  private static void boundaries(Side side) {
    float[] line = {
      LAMBDA, Math.nextUp(LAMBDA), Math.nextDown(LAMBDA), Float.NaN, Float.POSITIVE_INFINITY, 0, 1
    };
    Batch batch = Batch.full(7, 3);
    LiveRows rows = batch.load(side);
    ExitSignal signal = given(side, batch, Confidence.TOP1, line);
    side.device.compact(rows, signal, Confidence.TOP1, Float.POSITIVE_INFINITY);
    look(side, rows, batch);
    side.device.compact(rows, signal, Confidence.TOP1, LAMBDA);
    look(side, rows, batch.keep(i -> i == 0 || i == 2 || i == 3 || i == 5));
  }

  /** A signal that says this of the live rows; other lines and entries make every row leave. */
  private static ExitSignal given(Side side, Batch batch, Confidence confidence, float[] line) {
    ExitSignal signal = side.signal(batch.capacity(), 0);
    float[] scores = Side.poison(3 * batch.capacity());
    System.arraycopy(line, 0, scores, confidence.ordinal() * batch.capacity(), line.length);
    side.device.copyIn(MemorySegment.ofArray(scores), signal.scores(), 0).await();
    return signal;
  }

  /** That the live rows are these, and that operations find them. */
  private static void look(Side side, LiveRows rows, Batch stayed) {
    Buffer in = side.activations(stayed.input(side, 7, 1));
    Buffer out = side.activations(stayed.poisoned(5));
    side.device.gemm(rows, side.linear(7, 5), in, Epilogue.BIAS, null, out);
    Side.require(
        Arrays.equals(rows.rows(), stayed.rows()),
        "the live rows are %s, should be %s",
        Arrays.toString(rows.rows()),
        Arrays.toString(stayed.rows()));
    Side.require(
        rows.count() == stayed.count() && rows.positions() == stayed.positions(),
        "%d live rows of %d positions, should be %d of %d",
        rows.count(),
        rows.positions(),
        stayed.count(),
        stayed.positions());
    side.output("a product of the rows that stay", stayed.written(side.floats(out), 5));
  }
}
