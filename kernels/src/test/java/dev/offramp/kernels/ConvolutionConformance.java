package dev.offramp.kernels;

import static dev.offramp.kernels.Batch.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Convolutions against the {@link ImageOracle}, on scrambled live rows and awkward sizes. */
abstract class ConvolutionConformance extends DeviceConformance {

  @ParameterizedTest(
      name = "{0} images {1}x{2}x{3} to {4}, kernel {5}/{6}, padding {7}, groups {8}")
  @CsvSource({
    "1, 1, 1, 1, 1, 1, 1, 0, 1",
    "1, 1, 1, 3, 5, 3, 1, 1, 1",
    "7, 7, 5, 3, 16, 3, 1, 1, 1",
    "2, 32, 32, 16, 16, 3, 1, 1, 1",
    "3, 8, 8, 64, 64, 3, 1, 1, 1",
    "5, 9, 8, 16, 32, 3, 2, 1, 1",
    "3, 8, 7, 33, 17, 1, 2, 0, 1",
    "4, 7, 5, 64, 129, 1, 1, 0, 1",
    "2, 3, 4, 800, 33, 1, 1, 0, 1",
    "2, 4, 3, 160, 65, 3, 1, 1, 1",
    "3, 1, 1, 16, 16, 3, 1, 1, 1",
    "3, 7, 5, 16, 48, 3, 1, 1, 1",
    "2, 5, 1, 32, 80, 3, 1, 1, 1",
    "1, 35, 33, 16, 144, 3, 1, 1, 1",
    "2, 6, 9, 208, 16, 3, 1, 1, 1",
    "2, 17, 15, 3, 33, 7, 2, 3, 1",
    "2, 12, 12, 3, 7, 7, 1, 0, 1",
    "3, 5, 6, 4, 6, 2, 3, 1, 1",
    "2, 6, 5, 4, 4, 3, 1, 2, 1",
    "3, 8, 8, 32, 64, 3, 1, 1, 2",
    "3, 7, 5, 6, 4, 3, 2, 1, 2",
    "2, 6, 6, 64, 128, 3, 2, 1, 4",
    "3, 7, 5, 33, 33, 3, 1, 1, 33",
    "2, 8, 8, 64, 64, 3, 2, 1, 64",
    "2, 5, 5, 7, 21, 3, 1, 1, 7",
    "129, 3, 3, 3, 7, 3, 1, 1, 1"
  })
  void convolve(
      int capacity,
      int height,
      int width,
      int channels,
      int outputs,
      int kernel,
      int stride,
      int padding,
      int groups) {
    ImageShape in = new ImageShape(height, width, channels);
    ConvolutionShape shape = new ConvolutionShape(in, outputs, kernel, stride, padding, groups);
    for (Epilogue epilogue : Epilogue.values()) {
      convolve(Batch.random(rig.random, capacity, 1), shape, epilogue, false);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 16, 33, 64})
  void convolveAddsTheResidualInPlace(int outputs) {
    ConvolutionShape shape = ConvolutionShape.same(new ImageShape(7, 5, 16), outputs, 3, 1);
    convolve(Batch.random(rig.random, 4, 1), shape, Epilogue.BIAS_RESIDUAL, true);
    convolve(Batch.random(rig.random, 4, 1), shape, Epilogue.BIAS_RESIDUAL_RELU, true);
  }

  private void convolve(Batch batch, ConvolutionShape shape, Epilogue epilogue, boolean inPlace) {
    int width = shape.out().elements();
    float[] weight = rig.weight(shape.depth(), shape.outputs());
    float[] bias = rig.numbers(shape.outputs(), 1);
    float[] in = batch.activations(rig.random, shape.in().elements());
    float[] residual = batch.activations(rig.random, width);
    if (inPlace) {
      for (int i = 0; i < residual.length; i++) {
        residual[i] = Float.isNaN(residual[i]) ? Batch.UNTOUCHED : residual[i];
      }
    }
    Buffer residualBuffer = epilogue.addsResidual() ? rig.upload(residual) : null;
    Buffer out = inPlace ? residualBuffer : rig.upload(batch.untouched(width));
    Convolution map = convolution(shape, weight, bias);

    rig.device.convolve(batch.load(rig), map, rig.upload(in), epilogue, residualBuffer, out);

    float[] actual = rig.floats(out);
    batch.eachToken(row ->
        assertClose(
            actual,
            row * width,
            ImageOracle.convolve(
                Batch.at(in, row, shape.in().elements()),
                shape,
                weight,
                bias,
                epilogue,
                epilogue.addsResidual() ? Batch.at(residual, row, width) : null),
            tolerance(),
            epilogue + " of row " + row));
    batch.assertOthersUntouched(actual, width);
  }

  private Convolution convolution(ConvolutionShape shape, float[] weight, float[] bias) {
    MemorySegment biasSegment = bias == null ? null : MemorySegment.ofArray(bias);
    return rig.open(
        rig.device.convolution(shape, MemorySegment.ofArray(weight), DataType.F32, biasSegment));
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void convolveTakesHalfPrecisionWeights(DataType type) {
    ConvolutionShape shape = ConvolutionShape.same(new ImageShape(4, 3, 5), 7, 3, 1);
    Batch batch = Batch.random(rig.random, 3, 1);
    float[] weight = rig.weight(shape.depth(), shape.outputs());
    short[] halves = new short[weight.length];
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
    float[] in = batch.activations(rig.random, shape.in().elements());
    int width = shape.out().elements();
    Buffer out = rig.upload(batch.untouched(width));
    Convolution map =
        rig.open(rig.device.convolution(shape, MemorySegment.ofArray(halves), type, null));

    rig.device.convolve(batch.load(rig), map, rig.upload(in), Epilogue.BIAS, null, out);

    float[] actual = rig.floats(out);
    batch.eachToken(row -> {
      double[] x = Batch.at(in, row, shape.in().elements());
      double[] expected = ImageOracle.convolve(x, shape, weight, null, Epilogue.BIAS, null);
      assertClose(actual, row * width, expected, tolerance(), "row " + row);
    });
  }

  /** Exactly the outputs that see them, and only in their row. */
  @ParameterizedTest
  @CsvSource({
    "8, 3, 1, 1, 1",
    "32, 3, 1, 1, 1",
    "8, 3, 2, 1, 1",
    "8, 1, 1, 0, 1",
    "8, 7, 2, 3, 1",
    "8, 3, 1, 1, 2",
    "8, 3, 1, 1, 8"
  })
  void convolveLetsNanAndInfinityThrough(
      int channels, int kernel, int stride, int padding, int groups) {
    ConvolutionShape shape =
        new ConvolutionShape(
            new ImageShape(9, 8, channels), 4 * channels, kernel, stride, padding, groups);
    Batch batch = Batch.full(3, 1);
    float[] in = batch.activations(rig.random, shape.in().elements());
    in[shape.in().elements() + 5] = Float.NaN; // Row 1, its first pixel.
    in[2 * shape.in().elements() + (4 * 8 + 7) * channels] = Float.POSITIVE_INFINITY;
    float[] weight = rig.weight(shape.depth(), shape.outputs());
    Convolution map = convolution(shape, weight, null);
    int width = shape.out().elements();
    for (Epilogue epilogue : new Epilogue[] {Epilogue.BIAS, Epilogue.BIAS_RELU}) {
      Buffer out = rig.upload(batch.untouched(width));

      rig.device.convolve(batch.load(rig), map, rig.upload(in), epilogue, null, out);

      float[] actual = rig.floats(out);
      batch.eachToken(row -> {
        double[] x = Batch.at(in, row, shape.in().elements());
        double[] expected = ImageOracle.convolve(x, shape, weight, null, epilogue, null);
        assertThat(Arrays.stream(expected).anyMatch(v -> !Double.isFinite(v))).isEqualTo(row > 0);
        assertClose(actual, row * width, expected, tolerance(), epilogue + " of row " + row);
      });
    }
  }

  /** An exit between two convolutions: the second sees the rows that are left. */
  @Test
  void aRecordingRunsOnTheRowsThatAreLeft() {
    int capacity = 6;
    ImageShape image = new ImageShape(5, 4, 7);
    ConvolutionShape shape = ConvolutionShape.same(image, 7, 3, 1);
    float[] weight = rig.weight(shape.depth(), 7);
    Convolution map = convolution(shape, weight, null);
    LiveRows rows = rig.open(rig.device.liveRows(capacity, 1));
    Buffer in = rig.upload(new float[capacity * image.elements()]);
    Buffer middle = rig.upload(new float[capacity * image.elements()]);
    Buffer out = rig.upload(new float[capacity * image.elements()]);
    ExitSignal signal = rig.signal(capacity, 0);
    Recording recording =
        rig.open(
            rig.device.record(() -> {
              rig.device.convolve(rows, map, in, Epilogue.BIAS_RELU, null, middle);
              rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
              rig.device.convolve(rows, map, middle, Epilogue.BIAS_RESIDUAL, in, out);
            }));
    assertThat(rig.floats(middle)).as("recording does not run").containsOnly(0);

    for (int round = 0; round < 3; round++) {
      Batch batch = Batch.random(rig.random, capacity, 1);
      float[] x = batch.activations(rig.random, image.elements());
      float[] scores = rig.numbers(3 * capacity, 1);
      rig.device.copyIn(MemorySegment.ofArray(x), in, 0).await();
      rig.device.copyIn(MemorySegment.ofArray(scores), signal.scores(), 0).await();
      float[] untouched = batch.untouched(image.elements());
      rig.device.copyIn(MemorySegment.ofArray(untouched), out, 0).await();
      rows.load(batch.rows(), batch.lengths(), 1);

      recording.replay();

      float[] actual = rig.floats(out);
      for (int i = 0; i < batch.count(); i++) {
        int row = batch.rows()[i];
        double[] expected = new double[image.elements()];
        Arrays.fill(expected, Batch.UNTOUCHED);
        if (!(scores[i] > 0.5f)) {
          double[] from = Batch.at(x, row, image.elements());
          double[] half = ImageOracle.convolve(from, shape, weight, null, Epilogue.BIAS_RELU, null);
          expected = ImageOracle.convolve(half, shape, weight, null, Epilogue.BIAS_RESIDUAL, from);
        }
        assertClose(actual, row * image.elements(), expected, 3 * tolerance(), "row " + row);
      }
      batch.assertOthersUntouched(actual, image.elements());
    }
  }
}
