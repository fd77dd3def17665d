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

/**
 * Operations on images against the {@link ImageOracle}, on scrambled live rows and awkward sizes.
 */
abstract class ImageConformance extends DeviceConformance {

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
  @CsvSource({"3, 1, 1, 1", "3, 2, 1, 1", "1, 1, 0, 1", "7, 2, 3, 1", "3, 1, 1, 2", "3, 1, 1, 8"})
  void convolveLetsNanAndInfinityThrough(int kernel, int stride, int padding, int groups) {
    ConvolutionShape shape =
        new ConvolutionShape(new ImageShape(9, 8, 8), 24, kernel, stride, padding, groups);
    Batch batch = Batch.full(3, 1);
    float[] in = batch.activations(rig.random, shape.in().elements());
    in[shape.in().elements() + 5] = Float.NaN; // Row 1, its first pixel.
    in[2 * shape.in().elements() + (4 * 8 + 7) * 8] = Float.POSITIVE_INFINITY;
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

  @ParameterizedTest
  @CsvSource({"1, 1, 1, 1", "7, 7, 5, 3", "5, 8, 8, 4", "129, 3, 2, 2", "2, 32, 32, 3"})
  void pixels(int capacity, int height, int width, int channels) {
    ImageShape image = new ImageShape(height, width, channels);
    Batch batch = Batch.random(rig.random, capacity, 1);
    float[] scale = rig.numbers(channels, 0.02);
    float[] shift = rig.numbers(channels, 2);
    int[] pixels = rig.random.ints((long) capacity * image.pixels()).toArray();
    Buffer out = rig.upload(batch.untouched(image.elements()));

    rig.device.pixels(
        batch.load(rig), image, rig.upload(scale), rig.upload(shift), rig.upload(pixels), out);

    float[] actual = rig.floats(out);
    batch.eachToken(row -> {
      double[] expected = new double[image.elements()];
      for (int i = 0; i < expected.length; i++) {
        int c = i % channels;
        int value = pixels[row * image.pixels() + i / channels] >> 8 * c & 255;
        expected[i] = (double) value * scale[c] + shift[c];
      }
      assertClose(actual, row * image.elements(), expected, tolerance(), "row " + row);
    });
    batch.assertOthersUntouched(actual, image.elements());
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1, 1, 0",
    "7, 7, 5, 3, 3, 2, 1",
    "3, 8, 8, 64, 3, 2, 1",
    "3, 9, 6, 33, 2, 2, 0",
    "2, 6, 7, 16, 5, 1, 4",
    "129, 3, 3, 7, 3, 1, 1"
  })
  void maxPool(
      int capacity, int height, int width, int channels, int kernel, int stride, int padding) {
    ImageShape image = new ImageShape(height, width, channels);
    ConvolutionShape window =
        new ConvolutionShape(image, channels, kernel, stride, padding, channels);
    Batch batch = Batch.random(rig.random, capacity, 1);
    float[] in = batch.activations(rig.random, image.elements());
    for (int i = 0; i < in.length; i++) {
      in[i] -= 2; // Below the zeros of a padding that would count.
    }
    int nan = batch.rows()[0] * image.elements() + image.elements() / 2;
    in[nan] = Float.NaN;
    int size = window.out().elements();
    Buffer out = rig.upload(batch.untouched(size));

    rig.device.maxPool(batch.load(rig), window, rig.upload(in), out);

    float[] actual = rig.floats(out);
    batch.eachToken(row -> {
      double[] expected = ImageOracle.maxPool(Batch.at(in, row, image.elements()), window);
      assertClose(actual, row * size, expected, tolerance(), "row " + row);
    });
    batch.assertOthersUntouched(actual, size);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1",
    "7, 7, 5, 3, 2",
    "3, 8, 8, 64, 1",
    "3, 8, 8, 33, 4",
    "2, 32, 31, 16, 7",
    "129, 3, 3, 7, 3"
  })
  void gridPool(int capacity, int height, int width, int channels, int grid) {
    ImageShape image = new ImageShape(height, width, channels);
    Batch batch = Batch.random(rig.random, capacity, 1);
    float[] in = batch.activations(rig.random, image.elements());
    in[batch.rows()[0] * image.elements() + image.elements() / 2] = Float.NaN;
    int size = grid * grid * channels;
    Buffer out = rig.upload(batch.untouched(size));

    rig.device.gridPool(batch.load(rig), image, grid, rig.upload(in), out);

    float[] actual = rig.floats(out);
    batch.eachToken(row -> {
      double[] expected = ImageOracle.gridPool(Batch.at(in, row, image.elements()), image, grid);
      assertClose(actual, row * size, expected, tolerance(), "row " + row);
    });
    batch.assertOthersUntouched(actual, size);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1, 1",
    "7, 7, 5, 3, 2, 8",
    "3, 8, 8, 16, 2, 32",
    "3, 8, 8, 33, 1, 33",
    "2, 9, 10, 7, 3, 129",
    "129, 3, 3, 7, 2, 7"
  })
  void shortcut(int capacity, int height, int width, int channels, int stride, int outputs) {
    ImageShape image = new ImageShape(height, width, channels);
    Batch batch = Batch.random(rig.random, capacity, 1);
    float[] in = batch.activations(rig.random, image.elements());
    in[batch.rows()[0] * image.elements()] = Float.NaN;
    int size = Math.ceilDiv(height, stride) * Math.ceilDiv(width, stride) * outputs;
    Buffer out = rig.upload(batch.untouched(size));

    rig.device.shortcut(batch.load(rig), image, stride, outputs, rig.upload(in), out);

    float[] actual = rig.floats(out);
    batch.eachToken(row -> {
      double[] x = Batch.at(in, row, image.elements());
      assertClose(
          actual,
          row * size,
          ImageOracle.shortcut(x, image, stride, outputs),
          tolerance(),
          "row " + row);
    });
    batch.assertOthersUntouched(actual, size);
  }

  @Test
  void zeroLiveRowsChangeNothing() {
    ConvolutionShape shape = ConvolutionShape.same(new ImageShape(3, 3, 4), 4, 3, 1);
    ConvolutionShape window = new ConvolutionShape(shape.in(), 4, 3, 1, 1, 4);
    Batch none = new Batch(2, 1, new int[0], new int[0]);
    LiveRows rows = none.load(rig);
    Buffer in = rig.upload(new float[2 * 36]);
    Buffer out = rig.upload(none.untouched(36));
    Buffer four = rig.upload(new float[4]);
    Convolution map = convolution(shape, new float[4 * 36], null);

    rig.device.pixels(rows, shape.in(), four, four, rig.upload(new int[18]), out);
    rig.device.convolve(rows, map, in, Epilogue.BIAS, null, out);
    rig.device.maxPool(rows, window, in, out);
    rig.device.gridPool(rows, shape.in(), 3, in, out);
    rig.device.shortcut(rows, shape.in(), 1, 4, in, out);

    none.assertOthersUntouched(rig.floats(out), 36);
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

  @Test
  void wrongArgumentsNameTheOperation() {
    ImageShape image = new ImageShape(3, 2, 4);
    ConvolutionShape shape = ConvolutionShape.same(image, 4, 3, 1);
    ConvolutionShape window = new ConvolutionShape(image, 4, 3, 1, 1, 4);
    Device device = rig.device;
    LiveRows rows = Batch.full(2, 1).load(rig);
    LiveRows tokens = Batch.full(1, 2).load(rig);
    Buffer in = rig.upload(new float[2 * 24]);
    Buffer out = rig.upload(new float[2 * 24]);
    Buffer small = rig.upload(new float[47]);
    Buffer ints = rig.upload(new int[48]);
    Buffer four = rig.upload(new float[4]);
    Buffer three = rig.upload(new float[3]);
    Buffer packed = rig.upload(new int[12]);
    MemorySegment weight = MemorySegment.ofArray(new float[4 * 36]);
    Convolution map = rig.open(device.convolution(shape, weight, DataType.F32, null));

    fails("convolution", () -> device.convolution(null, weight, DataType.F32, null));
    fails("convolution", () -> device.convolution(shape, null, DataType.F32, null));
    fails("convolution", () -> device.convolution(shape, weight, DataType.I32, null));
    fails("convolution", () -> device.convolution(shape, weight, DataType.F16, null));
    fails("convolution", () -> device.convolution(shape, weight, DataType.F32, weight));

    fails("convolve", () -> device.convolve(null, map, in, Epilogue.BIAS, null, out));
    fails("convolve", () -> device.convolve(tokens, map, in, Epilogue.BIAS, null, out));
    fails("convolve", () -> device.convolve(rows, null, in, Epilogue.BIAS, null, out));
    fails("convolve", () -> device.convolve(rows, map, small, Epilogue.BIAS, null, out));
    fails("convolve", () -> device.convolve(rows, map, ints, Epilogue.BIAS, null, out));
    fails("convolve", () -> device.convolve(rows, map, in, Epilogue.BIAS, null, small));
    fails("convolve", () -> device.convolve(rows, map, in, Epilogue.BIAS, null, in));
    fails("convolve", () -> device.convolve(rows, map, in, null, null, out));
    fails("convolve", () -> device.convolve(rows, map, in, Epilogue.BIAS, in, out));
    fails("convolve", () -> device.convolve(rows, map, in, Epilogue.BIAS_RESIDUAL, null, out));
    fails("convolve", () -> device.convolve(rows, map, in, Epilogue.BIAS_RESIDUAL, small, out));

    fails("pixels", () -> device.pixels(null, image, four, four, packed, out));
    fails("pixels", () -> device.pixels(tokens, image, four, four, packed, out));
    fails("pixels", () -> device.pixels(rows, null, four, four, packed, out));
    fails("pixels", () -> device.pixels(rows, new ImageShape(1, 1, 5), in, in, packed, out));
    fails("pixels", () -> device.pixels(rows, image, three, four, packed, out));
    fails("pixels", () -> device.pixels(rows, image, four, three, packed, out));
    fails("pixels", () -> device.pixels(rows, image, four, four, in, out));
    fails("pixels", () -> device.pixels(rows, image, four, four, rig.upload(new int[11]), out));
    fails("pixels", () -> device.pixels(rows, image, four, four, packed, small));

    fails("maxPool", () -> device.maxPool(null, window, in, out));
    fails("maxPool", () -> device.maxPool(tokens, window, in, out));
    fails("maxPool", () -> device.maxPool(rows, null, in, out));
    fails("maxPool", () -> device.maxPool(rows, shape, in, out));
    fails("maxPool", () -> device.maxPool(rows, window, small, out));
    fails("maxPool", () -> device.maxPool(rows, window, in, small));
    fails("maxPool", () -> device.maxPool(rows, window, in, in));

    fails("gridPool", () -> device.gridPool(null, image, 1, in, out));
    fails("gridPool", () -> device.gridPool(tokens, image, 1, in, out));
    fails("gridPool", () -> device.gridPool(rows, null, 1, in, out));
    fails("gridPool", () -> device.gridPool(rows, image, 0, in, out));
    fails("gridPool", () -> device.gridPool(rows, image, 3, in, out));
    fails("gridPool", () -> device.gridPool(rows, image, 1, small, out));
    fails("gridPool", () -> device.gridPool(rows, image, 2, in, four));
    fails("gridPool", () -> device.gridPool(rows, image, 2, in, in));

    fails("shortcut", () -> device.shortcut(null, image, 2, 8, in, out));
    fails("shortcut", () -> device.shortcut(tokens, image, 2, 8, in, out));
    fails("shortcut", () -> device.shortcut(rows, null, 2, 8, in, out));
    fails("shortcut", () -> device.shortcut(rows, image, 0, 8, in, out));
    fails("shortcut", () -> device.shortcut(rows, image, 2, 3, in, out));
    fails("shortcut", () -> device.shortcut(rows, image, 1, 1 << 30, in, out));
    fails("shortcut", () -> device.shortcut(rows, image, 2, 8, small, out));
    fails("shortcut", () -> device.shortcut(rows, image, 1, 8, in, out));
    fails("shortcut", () -> device.shortcut(rows, image, 1, 4, in, in));
  }

  private static void fails(String operation, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(operation + ": ");
  }

  @Test
  void whatIsClosedOrForeignCannotBeUsed() {
    ImageShape image = new ImageShape(1, 1, 1);
    ConvolutionShape shape = ConvolutionShape.same(image, 1, 1, 1);
    Device device = rig.device;
    LiveRows rows = Batch.full(1, 1).load(rig);
    Buffer x = rig.upload(1f);
    Buffer y = rig.upload(1f);
    long before = device.liveBytes();
    Convolution map = convolution(shape, new float[1], null);
    assertThat(device.liveBytes()).isGreaterThanOrEqualTo(before + 4);
    assertThat(map.shape()).isEqualTo(shape);
    try (Device other = open();
        Convolution foreign =
            other.convolution(shape, MemorySegment.ofArray(new float[1]), DataType.F32, null);
        Buffer stranger = other.allocate(DataType.F32, 1)) {
      fails("convolve", () -> device.convolve(rows, foreign, x, Epilogue.BIAS, null, y));
      fails("gridPool", () -> device.gridPool(rows, image, 1, x, stranger));
    }
    Recording recording =
        rig.open(device.record(() -> device.convolve(rows, map, x, Epilogue.BIAS, null, y)));

    map.close();
    map.close();
    assertThat(device.liveBytes()).isEqualTo(before);
    closed(() -> device.convolve(rows, map, x, Epilogue.BIAS, null, y));
    closed(recording::replay);
    y.close();
    closed(() -> device.gridPool(rows, image, 1, x, y));
    closed(() -> device.shortcut(rows, image, 1, 1, x, y));
    rows.close();
    closed(() -> device.gridPool(rows, image, 1, x, x));
  }

  private static void closed(Runnable call) {
    assertThatThrownBy(call::run).isInstanceOf(IllegalStateException.class);
  }
}
