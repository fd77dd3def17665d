package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** What operations on images say of wrong arguments, and of what is closed or foreign. */
abstract class ImageConformance extends DeviceConformance {

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
