package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import java.util.Arrays;
import java.util.List;

/** Operations on images besides the convolution. Values of a pixel lie side by side. */
final class ImageOperations {
  private ImageOperations() {}

  static Work pixels(
      Checks check,
      LiveRows rows,
      ImageShape image,
      Buffer scale,
      Buffer shift,
      Buffer pixels,
      Buffer out) {
    JvmRows live = check.imageRows(rows);
    check.pixels(image);
    int channels = image.channels();
    float[] factors = check.floats("scale", scale, channels);
    float[] summands = check.floats("shift", shift, channels);
    int[] bytes = check.ints("pixels", pixels, (long) live.capacity() * image.pixels());
    float[] y = check.activations("out", out, live, image.elements());
    return Work.onImages(
        live,
        image,
        (row, from, to, scratch) -> {
          int first = row * image.pixels();
          for (int p = first + from * image.width(); p < first + to * image.width(); p++) {
            int packed = bytes[p];
            for (int c = 0; c < channels; c++) {
              y[p * channels + c] = (packed >>> 8 * c & 0xff) * factors[c] + summands[c];
            }
          }
        },
        List.of(
            Work.Use.common(factors),
            Work.Use.common(summands),
            Work.Use.byRow(bytes, image.pixels()),
            Work.Use.byRow(y, image.elements())));
  }

  static Work maxPool(Checks check, LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
    JvmRows live = check.imageRows(rows);
    check.window(window);
    ImageShape to = window.out();
    float[] x = check.activations("in", in, live, window.in().elements());
    float[] y = check.activations("out", out, live, to.elements());
    check.distinct("out", y, "in", x);
    return Work.onImages(
        live,
        to,
        (row, first, end, scratch) -> {
          for (int line = first; line < end; line++) {
            for (int column = 0; column < to.width(); column++) {
              largest(window, row, line, column, x, y);
            }
          }
        },
        List.of(Work.Use.byRow(x, window.in().elements()), Work.Use.byRow(y, to.elements())));
  }

  private static void largest(
      ConvolutionShape window, int row, int line, int column, float[] x, float[] y) {
    ImageShape in = window.in();
    ImageShape out = window.out();
    int channels = in.channels();
    int top = line * window.stride() - window.padding();
    int left = column * window.stride() - window.padding();
    int at = row * out.elements() + (line * out.width() + column) * channels;
    Arrays.fill(y, at, at + channels, Float.NEGATIVE_INFINITY);
    for (int i = Math.max(top, 0); i < Math.min(top + window.kernel(), in.height()); i++) {
      for (int j = Math.max(left, 0); j < Math.min(left + window.kernel(), in.width()); j++) {
        int pixel = row * in.elements() + (i * in.width() + j) * channels;
        for (int c = 0; c < channels; c++) {
          y[at + c] = Math.max(y[at + c], x[pixel + c]);
        }
      }
    }
  }

  static Work gridPool(
      Checks check, LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
    JvmRows live = check.imageRows(rows);
    int width = check.grid(image, grid);
    float[] x = check.activations("in", in, live, image.elements());
    float[] y = check.activations("out", out, live, width);
    check.distinct("out", y, "in", x);
    return Work.onImages(
        live,
        new ImageShape(grid, grid, image.channels()),
        (row, from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            for (int j = 0; j < grid; j++) {
              mean(image, grid, row, i, j, x, y);
            }
          }
        },
        List.of(Work.Use.byRow(x, image.elements()), Work.Use.byRow(y, width)));
  }

  private static void mean(
      ImageShape image, int grid, int row, int i, int j, float[] x, float[] y) {
    int channels = image.channels();
    int at = ((row * grid + i) * grid + j) * channels;
    int top = start(image.height(), grid, i);
    int left = start(image.width(), grid, j);
    int bottom = end(image.height(), grid, i);
    int right = end(image.width(), grid, j);
    Arrays.fill(y, at, at + channels, 0);
    for (int line = top; line < bottom; line++) {
      for (int column = left; column < right; column++) {
        int pixel = row * image.elements() + (line * image.width() + column) * channels;
        for (int c = 0; c < channels; c++) {
          y[at + c] += x[pixel + c];
        }
      }
    }
    float count = (float) (bottom - top) * (right - left);
    for (int c = 0; c < channels; c++) {
      y[at + c] /= count;
    }
  }

  private static int start(int length, int grid, int cell) {
    return (int) ((long) cell * length / grid);
  }

  private static int end(int length, int grid, int cell) {
    return (int) Math.ceilDiv((cell + 1L) * length, (long) grid);
  }

  static Work shortcut(
      Checks check,
      LiveRows rows,
      ImageShape image,
      int stride,
      int channels,
      Buffer in,
      Buffer out) {
    JvmRows live = check.imageRows(rows);
    ImageShape to = check.shortcut(image, stride, channels);
    float[] x = check.activations("in", in, live, image.elements());
    float[] y = check.activations("out", out, live, to.elements());
    check.distinct("out", y, "in", x);
    int before = (channels - image.channels()) / 2;
    return Work.onImages(
        live,
        to,
        (row, first, end, scratch) -> {
          for (int line = first; line < end; line++) {
            for (int column = 0; column < to.width(); column++) {
              int pixel = (line * image.width() + column) * stride * image.channels();
              int at = row * to.elements() + (line * to.width() + column) * channels;
              int middle = at + before;
              Arrays.fill(y, at, middle, 0);
              System.arraycopy(x, row * image.elements() + pixel, y, middle, image.channels());
              Arrays.fill(y, middle + image.channels(), at + channels, 0);
            }
          }
        },
        List.of(Work.Use.byRow(x, image.elements()), Work.Use.byRow(y, to.elements())));
  }
}
