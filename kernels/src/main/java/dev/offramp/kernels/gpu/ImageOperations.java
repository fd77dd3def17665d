package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.gpu.Driver.Memory;

/** Operations on images: checks their arguments and says what launches them. */
final class ImageOperations {
  final ImageLaunches launches;

  ImageOperations(Driver driver) {
    launches = new ImageLaunches(driver);
  }

  Operation pixels(
      Checks check,
      LiveRows rows,
      ImageShape image,
      Buffer scale,
      Buffer shift,
      Buffer pixels,
      Buffer out) {
    GpuRows live = check.imageRows(rows);
    check.pixels(image);
    Memory a = check.buffer("scale", scale, DataType.F32, image.channels()).memory();
    Memory b = check.buffer("shift", shift, DataType.F32, image.channels()).memory();
    long count = (long) live.capacity() * image.pixels();
    Memory x = check.buffer("pixels", pixels, DataType.I32, count).memory();
    Memory y = check.image("out", out, live, image).memory();
    return new Operation(live, false, bounds -> launches.pixels(bounds, live, image, a, b, x, y));
  }

  Operation convolve(
      Checks check,
      LiveRows rows,
      Convolution map,
      Buffer in,
      Epilogue epilogue,
      Buffer residual,
      Buffer out) {
    GpuRows live = check.imageRows(rows);
    GpuConvolution mine = check.convolution("map", map);
    ConvolutionShape shape = mine.shape();
    check.residual(epilogue, residual);
    Memory x = check.image("in", in, live, shape.in()).memory();
    Memory y = check.image("out", out, live, shape.out()).memory();
    Memory r =
        residual == null ? null : check.image("residual", residual, live, shape.out()).memory();
    check.distinct("out", out, "in", in);
    return new Operation(
        live, false, bounds -> launches.convolve(bounds, live, mine, x, epilogue, r, y));
  }

  Operation maxPool(Checks check, LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
    GpuRows live = check.imageRows(rows);
    check.window(window);
    Memory x = check.image("in", in, live, window.in()).memory();
    Memory y = check.image("out", out, live, window.out()).memory();
    check.distinct("out", out, "in", in);
    return new Operation(live, false, bounds -> launches.maxPool(bounds, live, window, x, y));
  }

  Operation gridPool(
      Checks check, LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
    GpuRows live = check.imageRows(rows);
    int width = check.grid(image, grid);
    Memory x = check.image("in", in, live, image).memory();
    Memory y = check.activations("out", out, live, width).memory();
    check.distinct("out", out, "in", in);
    return new Operation(live, false, bounds -> launches.gridPool(bounds, live, image, grid, x, y));
  }

  Operation shortcut(
      Checks check,
      LiveRows rows,
      ImageShape image,
      int stride,
      int channels,
      Buffer in,
      Buffer out) {
    GpuRows live = check.imageRows(rows);
    ImageShape result = check.shortcut(image, stride, channels);
    Memory x = check.image("in", in, live, image).memory();
    Memory y = check.image("out", out, live, result).memory();
    check.distinct("out", out, "in", in);
    return new Operation(
        live, false, bounds -> launches.shortcut(bounds, live, image, stride, result, x, y));
  }
}
