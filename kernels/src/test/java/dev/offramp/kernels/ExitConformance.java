package dev.offramp.kernels;

import static dev.offramp.kernels.Batch.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Pooling, exit heads and compaction: what ends a row, against the {@link Oracle}. */
abstract class ExitConformance extends DeviceConformance {

  @ParameterizedTest
  @EnumSource(Pooling.class)
  void pool(Pooling pooling) {
    for (int width : new int[] {1, 7, 64, 129}) {
      Batch batch = Batch.random(rig.random, 13, 9);
      float[] in = batch.activations(rig.random, width);
      Buffer out = rig.upload(new float[13 * width]);

      rig.device.pool(batch.load(rig), pooling, width, rig.upload(in), out);

      float[] actual = rig.floats(out);
      for (int i = 0; i < batch.count(); i++) {
        double[] expected = Oracle.pool(batch.row(in, i, width), pooling);
        assertClose(actual, i * width, expected, tolerance(), pooling + " of row " + i);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 7, 1", "7, 64, 2", "53, 33, 7", "5, 385, 77", "129, 1, 129"})
  void exitHead(int capacity, int inputs, int classes) {
    for (Pooling pooling : Pooling.values()) {
      Batch batch = Batch.random(rig.random, capacity, 3);
      float[] in = batch.activations(rig.random, inputs);
      float[] weight = rig.numbers(inputs * classes, 5 / Math.sqrt(inputs));
      float[] bias = rig.numbers(classes, 1);
      ExitSignal signal = rig.signal(capacity, classes);

      rig.device.exitHead(
          batch.load(rig),
          pooling,
          rig.linear(inputs, classes, weight, bias),
          rig.upload(in),
          signal);

      float[] scores = rig.floats(signal.scores());
      int[] predictions = rig.ints(signal.predictions());
      float[] probabilities = rig.floats(signal.probabilities());
      for (int i = 0; i < batch.count(); i++) {
        double[] pooled = Oracle.pool(batch.row(in, i, inputs), pooling);
        double[] expected =
            Oracle.softmax(Oracle.linear(pooled, weight, bias, Epilogue.BIAS, null));
        assertClose(probabilities, i * classes, expected, tolerance(), "row " + i);
        assertThat(expected[predictions[i]])
            .as("probability of the predicted class of row %d", i)
            .isCloseTo(Oracle.score(expected, Confidence.TOP1), within(tolerance()));
        for (Confidence confidence : Confidence.values()) {
          assertThat((double) scores[confidence.ordinal() * capacity + i])
              .as("%s of row %d", confidence, i)
              .isCloseTo(Oracle.score(expected, confidence), within(tolerance()));
        }
      }
    }
  }

  /** Inputs are zero and the bias is the logits: ties, great differences, NaN, infinities. */
  @Test
  void exitHeadOfOddLogits() {
    float nan = Float.NaN;
    float infinity = Float.POSITIVE_INFINITY;
    float[][] logits = {
      {1, 5, 5},
      {-1e30f, 1e30f, 0},
      {nan, 2, 3},
      {nan, nan, nan},
      {1, -infinity, 0},
      {2, infinity, 2}
    };
    int[] expected = {1, 1, 2, 0, 0, 1};
    ExitSignal signal = rig.signal(6, 3);
    LiveRows rows = Batch.full(6, 1).load(rig);
    for (int row = 0; row < 6; row++) {
      rows.load(new int[] {0}, new int[] {1}, 1);
      Linear biased = rig.linear(1, 3, new float[3], logits[row]);
      rig.device.exitHead(rows, Pooling.FIRST, biased, rig.upload(new float[6]), signal);

      assertThat(rig.ints(signal.predictions())[0])
          .as("prediction %d", row)
          .isEqualTo(expected[row]);
      float[] scores = rig.floats(signal.scores());
      for (Confidence confidence : Confidence.values()) {
        float score = scores[confidence.ordinal() * 6];
        if (row == 2 || row == 3 || row == 5) {
          assertThat(score).as("%s of row %d", confidence, row).isNaN();
        } else {
          assertThat(score).as("%s of row %d", confidence, row).isBetween(0f, 1f);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Confidence.class)
  void compactKeepsWhatIsNotAboveLambdaInOrder(Confidence confidence) {
    LiveRows rows = rig.open(rig.device.liveRows(8, 4));
    rows.load(new int[] {7, 2, 5, 0, 3}, new int[] {1, 2, 3, 4, 1}, 4);
    ExitSignal signal = rig.signal(8, 0);
    float[] scores = new float[3 * 8];
    float[] line = {0.5f, 0.5000001f, Float.NaN, 0.9f, 0.1f, 1, 1, 1};
    System.arraycopy(line, 0, scores, confidence.ordinal() * 8, 8);
    rig.device.copyIn(MemorySegment.ofArray(scores), signal.scores(), 0).await();

    rig.device.compact(rows, signal, confidence, 0.5f);

    assertThat(rows.rows()).containsExactly(7, 5, 3);
    assertThat(rows.count()).isEqualTo(3);
    assertThat(rows.positions()).isEqualTo(4);
  }

  @Test
  void operationsFollowCompaction() {
    LiveRows rows = rig.open(rig.device.liveRows(4, 3));
    rows.load(new int[] {3, 0, 2}, new int[] {1, 3, 2}, 3);
    ExitSignal signal = rig.signal(4, 0);
    float[] scores = {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    rig.device.copyIn(MemorySegment.ofArray(scores), signal.scores(), 0).await();
    rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
    Batch left = new Batch(4, 3, new int[] {3, 2}, new int[] {1, 2});
    float[] in = left.activations(rig.random, 6);
    float[] weight = rig.weight(6, 5);
    Buffer out = rig.upload(left.untouched(5));

    rig.device.gemm(rows, rig.linear(6, 5, weight, null), rig.upload(in), Epilogue.BIAS, null, out);

    float[] actual = rig.floats(out);
    left.eachToken(token ->
        assertClose(
            actual,
            token * 5,
            Oracle.linear(Batch.at(in, token, 6), weight, null, Epilogue.BIAS, null),
            tolerance(),
            "token " + token));
    left.assertOthersUntouched(actual, 5);
  }

  @Test
  void zeroLiveRowsDoNothing() {
    LiveRows rows = rig.open(rig.device.liveRows(2, 2));
    Buffer wide = rig.upload(new Batch(2, 2, null, null).untouched(3));
    Buffer narrow = rig.upload(new Batch(2, 2, null, null).untouched(1));
    Linear map = rig.linear(3, 1, new float[3], null);
    ExitSignal signal = rig.signal(2, 1);
    rows.load(new int[0], new int[0], 2);

    rig.device.gemm(rows, map, wide, Epilogue.BIAS, null, narrow);
    rig.device.attention(rows, 1, 1, wide, narrow);
    rig.device.pool(rows, Pooling.MEAN, 3, wide, narrow);
    rig.device.exitHead(rows, Pooling.MEAN, map, wide, signal);
    rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);

    assertThat(rig.floats(narrow)).containsOnly(Batch.UNTOUCHED);
    assertThat(rig.floats(signal.scores())).containsOnly(0);
    assertThat(rows.rows()).isEmpty();
  }
}
