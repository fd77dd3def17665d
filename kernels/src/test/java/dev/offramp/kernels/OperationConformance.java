package dev.offramp.kernels;

import static dev.offramp.kernels.Batch.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each operation against the {@link Oracle}, on scrambled live rows and awkward sizes. */
abstract class OperationConformance extends DeviceConformance {

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1",
    "1, 7, 7, 7",
    "3, 7, 127, 129",
    "19, 16, 129, 127",
    "2, 127, 16, 64",
    "5, 1, 385, 65",
    "3, 2, 800, 17"
  })
  void gemm(int capacity, int positions, int inputs, int outputs) {
    for (Epilogue epilogue : Epilogue.values()) {
      gemm(Batch.random(rig.random, capacity, positions), inputs, outputs, epilogue, false);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 64, 77})
  void gemmAddsTheResidualInPlace(int outputs) {
    gemm(Batch.random(rig.random, 4, 5), 400, outputs, Epilogue.BIAS_RESIDUAL, true);
  }

  private void gemm(Batch batch, int inputs, int outputs, Epilogue epilogue, boolean inPlace) {
    float[] weight = rig.weight(inputs, outputs);
    float[] bias = rig.numbers(outputs, 1);
    float[] in = batch.activations(rig.random, inputs);
    float[] residual = batch.activations(rig.random, outputs);
    Buffer residualBuffer = epilogue.addsResidual() ? rig.upload(residual) : null;
    Buffer out = inPlace ? residualBuffer : rig.upload(batch.untouched(outputs));
    LiveRows rows = batch.load(rig);
    Linear map = rig.linear(inputs, outputs, weight, bias);

    rig.device.gemm(rows, map, rig.upload(in), epilogue, residualBuffer, out);

    float[] actual = rig.floats(out);
    batch.eachToken(token ->
        assertClose(
            actual,
            token * outputs,
            Oracle.linear(
                Batch.at(in, token, inputs),
                weight,
                bias,
                epilogue,
                Batch.at(residual, token, outputs)),
            tolerance(),
            epilogue + " at token " + token));
    if (!inPlace) {
      batch.assertOthersUntouched(actual, outputs);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void gemmTakesHalfPrecisionWeights(DataType type) {
    Batch batch = Batch.random(rig.random, 3, 4);
    short[] halves = new short[9 * 5];
    float[] weight = rig.weight(9, 5);
    for (int i = 0; i < weight.length; i++) {
      halves[i] =
          type == DataType.F16
              ? Float.floatToFloat16(weight[i])
              : (short) (Float.floatToRawIntBits(weight[i]) >>> 16);
      weight[i] =
          type == DataType.F16
              ? Float.float16ToFloat(halves[i])
              : Float.intBitsToFloat(halves[i] << 16);
    }
    float[] in = batch.activations(rig.random, 9);
    Buffer out = rig.upload(batch.untouched(5));
    Linear map = rig.open(rig.device.linear(9, 5, MemorySegment.ofArray(halves), type, null));

    rig.device.gemm(batch.load(rig), map, rig.upload(in), Epilogue.BIAS, null, out);

    float[] actual = rig.floats(out);
    batch.eachToken(token ->
        assertClose(
            actual,
            token * 5,
            Oracle.linear(Batch.at(in, token, 9), weight, null, Epilogue.BIAS, null),
            tolerance(),
            "token " + token));
  }

  @ParameterizedTest
  @EnumSource(
      value = Epilogue.class,
      names = {"BIAS_RESIDUAL", "BIAS_RESIDUAL_RELU"},
      mode = EnumSource.Mode.EXCLUDE)
  void gemmLetsNanAndInfinityThrough(Epilogue epilogue) {
    Batch batch = Batch.full(3, 4);
    float[] in = batch.activations(rig.random, 5);
    in[2 * 5 + 1] = Float.NaN;
    in[7 * 5] = Float.POSITIVE_INFINITY;
    float[] weight = rig.weight(5, 19);
    for (int o = 0; o < 19; o++) {
      weight[o * 5] = Math.abs(weight[o * 5]);
    }
    Buffer out = rig.upload(batch.untouched(19));
    Linear map = rig.linear(5, 19, weight, null);

    rig.device.gemm(batch.load(rig), map, rig.upload(in), epilogue, null, out);

    float[] actual = rig.floats(out);
    batch.eachToken(token -> {
      for (int o = 0; o < 19; o++) {
        float value = actual[token * 19 + o];
        switch (token) {
          case 2 -> assertThat(value).isNaN();
          case 7 -> assertThat(value).isEqualTo(Float.POSITIVE_INFINITY);
          default -> assertThat(value).isFinite();
        }
      }
    });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 127, 129, 384})
  void layerNorm(int width) {
    Batch batch = Batch.random(rig.random, 5, 9);
    float[] in = batch.activations(rig.random, width);
    float[] gamma = rig.numbers(width, 2);
    float[] beta = rig.numbers(width, 1);
    LiveRows rows = batch.load(rig);
    Normalization normalization = new Normalization(rig.upload(gamma), rig.upload(beta), 1e-3f);
    Buffer x = rig.upload(in);
    Buffer out = rig.upload(batch.untouched(width));

    rig.device.layerNorm(rows, normalization, x, out);
    rig.device.layerNorm(rows, normalization, x, x);

    float[] actual = rig.floats(out);
    float[] inPlace = rig.floats(x);
    batch.eachToken(token -> {
      double[] expected = Oracle.layerNorm(Batch.at(in, token, width), gamma, beta, 1e-3f);
      assertClose(actual, token * width, expected, tolerance(), "token " + token);
      assertClose(inPlace, token * width, expected, tolerance(), "in place, token " + token);
    });
    batch.assertOthersUntouched(actual, width);
  }

  @Test
  void layerNormOfNanIsNan() {
    Batch batch = Batch.full(1, 3);
    float[] in = batch.activations(rig.random, 33);
    in[33 + 32] = Float.NaN;
    Buffer x = rig.upload(in);
    Normalization normalization =
        new Normalization(rig.upload(rig.numbers(33, 1)), rig.upload(rig.numbers(33, 1)), 0);

    rig.device.layerNorm(batch.load(rig), normalization, x, x);

    float[] actual = rig.floats(x);
    for (int i = 0; i < actual.length; i++) {
      assertThat(Float.isNaN(actual[i])).as("element %d", i).isEqualTo(i / 33 == 1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1",
    "4, 7, 3, 7",
    "5, 19, 2, 32",
    "2, 127, 1, 33",
    "3, 33, 3, 64",
    "2, 13, 1, 127",
    "1, 512, 1, 16"
  })
  void attention(int capacity, int positions, int heads, int headSize) {
    Batch batch = Batch.random(rig.random, capacity, positions);
    int width = heads * headSize;
    float[] qkv = batch.activations(rig.random, 3 * width);
    for (int i = 0; i < qkv.length; i++) {
      qkv[i] *= 2; // sharper than uniform
    }
    Buffer out = rig.upload(batch.untouched(width));

    rig.device.attention(batch.load(rig), heads, headSize, rig.upload(qkv), out);

    float[] actual = rig.floats(out);
    for (int i = 0; i < batch.count(); i++) {
      double[][] expected = Oracle.attention(batch.row(qkv, i, 3 * width), heads, headSize);
      for (int p = 0; p < expected.length; p++) {
        int token = batch.rows()[i] * positions + p;
        assertClose(actual, token * width, expected[p], tolerance(), "token " + token);
      }
    }
    batch.assertOthersUntouched(actual, width);
  }

  @Test
  void attentionToNanIsNanInItsRowAndHeadOnly() {
    Batch batch = Batch.full(2, 5);
    float[] qkv = batch.activations(rig.random, 3 * 2 * 16);
    qkv[7 * 96 + 32 + 16] = Float.NaN; // row 1, position 2, a key of head 1
    Buffer out = rig.upload(batch.untouched(32));

    rig.device.attention(batch.load(rig), 2, 16, rig.upload(qkv), out);

    float[] actual = rig.floats(out);
    for (int i = 0; i < actual.length; i++) {
      assertThat(Float.isNaN(actual[i]))
          .as("element %d", i)
          .isEqualTo(i / (5 * 32) == 1 && i % 32 >= 16);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 48, 129})
  void embed(int width) {
    Batch batch = Batch.random(rig.random, 6, 11);
    float[] words = rig.numbers(23 * width, 1);
    float[] positions = rig.numbers(14 * width, 1);
    float[] types = rig.numbers(2 * width, 1);
    float[] gamma = rig.numbers(width, 1);
    float[] beta = rig.numbers(width, 1);
    int[] ids = new int[6 * 11];
    Arrays.fill(ids, -1);
    batch.eachToken(token -> ids[token] = rig.random.nextInt(23));
    Buffer out = rig.upload(batch.untouched(width));

    rig.device.embed(
        batch.load(rig), tables(words, positions, types, gamma, beta), rig.upload(ids), out);

    float[] actual = rig.floats(out);
    batch.eachToken(token -> {
      double[] sum = new double[width];
      for (int j = 0; j < width; j++) {
        sum[j] =
            (double) words[ids[token] * width + j] + positions[token % 11 * width + j] + types[j];
      }
      double[] expected = Oracle.layerNorm(sum, gamma, beta, 1e-2f);
      assertClose(actual, token * width, expected, tolerance(), "token " + token);
    });
    batch.assertOthersUntouched(actual, width);
  }

  private EmbeddingTables tables(
      float[] words, float[] positions, float[] types, float[] gamma, float[] beta) {
    return new EmbeddingTables(
        rig.upload(words),
        rig.upload(positions),
        rig.upload(types),
        new Normalization(rig.upload(gamma), rig.upload(beta), 1e-2f));
  }

  @Test
  void embedNamesAnIdOutsideTheVocabularyOrLeavesNan() {
    EmbeddingTables tables =
        tables(new float[4], new float[6], new float[2], new float[2], new float[2]);
    LiveRows rows = Batch.full(1, 3).load(rig);
    Buffer ids = rig.upload(1, 2, 0);
    Buffer out = rig.upload(new float[6]);
    try {
      rig.device.embed(rows, tables, ids, out);
      assertThat(rig.floats(out)[2]).isNaN();
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("embed: id 2 at row 0, position 1");
    }
  }

  @Test
  void wrongArgumentsNameTheOperation() {
    LiveRows rows = Batch.full(2, 3).load(rig);
    Buffer six = rig.upload(new float[2 * 3 * 6]);
    Buffer small = rig.upload(new float[5]);
    Buffer ints = rig.upload(new int[36]);
    Linear map = rig.linear(6, 6, new float[36], null);
    Normalization norm = new Normalization(rig.upload(new float[6]), rig.upload(new float[6]), 0);
    ExitSignal signal = rig.signal(1, 6);
    Device device = rig.device;

    fails("gemm", () -> device.gemm(rows, map, small, Epilogue.BIAS, null, six));
    fails("gemm", () -> device.gemm(rows, map, six, Epilogue.BIAS, null, six));
    fails("gemm", () -> device.gemm(rows, map, ints, Epilogue.BIAS, null, six));
    fails("gemm", () -> device.gemm(rows, map, six, Epilogue.BIAS_RESIDUAL, null, small));
    fails("gemm", () -> device.gemm(null, map, six, Epilogue.BIAS, null, small));
    fails("layerNorm", () -> device.layerNorm(rows, norm, six, small));
    fails("attention", () -> device.attention(rows, 1, 0, six, six));
    fails("attention", () -> device.attention(rows, 1, 2, six, small));
    fails("attention", () -> device.attention(rows, 1 << 20, 1 << 20, six, small));
    fails("pool", () -> device.pool(rows, Pooling.MEAN, 6, six, small));
    fails("exitHead", () -> device.exitHead(rows, Pooling.MEAN, map, six, signal));
    fails("compact", () -> device.compact(rows, signal, Confidence.TOP1, 1));
    ExitSignal fitting = rig.signal(2, 0);
    fails("compact", () -> device.compact(rows, fitting, Confidence.TOP1, Float.NaN));
    fails(
        "linear",
        () -> device.linear(6, 7, MemorySegment.ofArray(new float[36]), DataType.F32, null));
    fails("copyIn", () -> device.copyIn(MemorySegment.ofArray(new float[4]), small, 2));
    fails("copyOut", () -> device.copyOut(small, -1, MemorySegment.ofArray(new float[1])));
    fails("allocate", () -> device.allocate(DataType.F32, -1));
    fails("liveRows", () -> device.liveRows(0, 1));
  }

  private static void fails(String operation, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(operation + ": ");
  }
}
