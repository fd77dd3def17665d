package dev.offramp.kernels;

import static dev.offramp.kernels.Batch.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Operations on images besides the convolution against the {@link ImageOracle}, on scrambled live
 * rows and awkward sizes, and the arguments of all of them.
 */
abstract class ImageConformance extends DeviceConformance {

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

  private Convolution convolution(ConvolutionShape shape, float[] weight, float[] bias) {
    MemorySegment biasSegment = bias == null ? null : MemorySegment.ofArray(bias);
    return rig.open(
        rig.device.convolution(shape, MemorySegment.ofArray(weight), DataType.F32, biasSegment));
  }

  private static void closed(Runnable call) {
    assertThatThrownBy(call::run).isInstanceOf(IllegalStateException.class);
  }
}
