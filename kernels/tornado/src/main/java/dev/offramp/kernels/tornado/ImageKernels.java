package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Operations on images, [height, width, channels], one to a live row of one position. An item takes
 * up to four channels of a pixel, neighbours neighbouring ones, a group a part of an image.
 */
final class ImageKernels {
  private static final int ITEMS = 64;

  private ImageKernels() {}

  private static int groups(int items) {
    return (items + ITEMS - 1) / ITEMS;
  }

  /** This item's number in an image of so many; may be beyond them. */
  private static int item(KernelContext c, int items) {
    return c.groupIdx % groups(items) * ITEMS + c.localIdx;
  }

  /** Number of this item's image among the live ones; may be beyond them. */
  private static int image(KernelContext c, int items) {
    return c.groupIdx / groups(items);
  }

  /**
   * Bytes of a number are the channels of a pixel; an item takes a pixel.
   *
   * @param ints capacity, pixels, channels
   */
  static void pixels(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray scale,
      FloatArray shift,
      IntArray bytes,
      FloatArray out) {
    int pixels = ints.get(1);
    int channels = ints.get(2);
    int item = item(c, pixels);
    int image = image(c, pixels);
    if (item < pixels && image < live.get(RowKernels.TOKENS)) {
      int at = RowKernels.token(live, ints.get(0), image) * pixels + item;
      int pixel = bytes.get(at);
      for (int k = 0; k < channels; k++) {
        int value = (pixel >> (8 * k)) & 255;
        out.set(at * channels + k, (float) value * scale.get(k) + shift.get(k));
      }
    }
  }

  /**
   * A NaN in the window stays.
   *
   * @param ints capacity, height, width, channels, pixels of the result, its width, its channels,
   *     side of the window, stride, padding
   */
  static void maxPool(
      KernelContext c, IntArray ints, IntArray live, FloatArray in, FloatArray out) {
    int height = ints.get(1);
    int width = ints.get(2);
    int channels = ints.get(3);
    int pixels = ints.get(4);
    int side = ints.get(7);
    int quads = (channels + 3) / 4;
    int item = item(c, pixels * quads);
    int image = image(c, pixels * quads);
    if (item < pixels * quads && image < live.get(RowKernels.TOKENS)) {
      int row = RowKernels.token(live, ints.get(0), image);
      int pixel = item / quads;
      int y0 = pixel / ints.get(5) * ints.get(8) - ints.get(9);
      int x0 = pixel % ints.get(5) * ints.get(8) - ints.get(9);
      int top = Math.max(y0, 0);
      int left = Math.max(x0, 0);
      int bottom = Math.min(y0 + side, height);
      int right = Math.min(x0 + side, width);
      int last = Math.min(item % quads * 4 + 4, channels);
      for (int k = item % quads * 4; k < last; k++) {
        // A window never lies in the padding alone.
        float most = in.get(((row * height + top) * width + left) * channels + k);
        for (int y = top; y < bottom; y++) {
          for (int x = left; x < right; x++) {
            float v = in.get(((row * height + y) * width + x) * channels + k);
            if (v > most) {
              most = v;
            }
            if (Float.isNaN(v)) {
              most = v;
            }
          }
        }
        out.set((row * pixels + pixel) * channels + k, most);
      }
    }
  }

  /**
   * Cell i of g covers the lines from floor(i height / g) to, exclusive, ceil((i + 1) height / g).
   *
   * @param ints capacity, height, width, channels, cells of a line
   */
  static void gridPool(
      KernelContext c, IntArray ints, IntArray live, FloatArray in, FloatArray out) {
    int height = ints.get(1);
    int width = ints.get(2);
    int channels = ints.get(3);
    int grid = ints.get(4);
    int quads = (channels + 3) / 4;
    int cells = grid * grid;
    int item = item(c, cells * quads);
    int image = image(c, cells * quads);
    if (item < cells * quads && image < live.get(RowKernels.TOKENS)) {
      int row = RowKernels.token(live, ints.get(0), image);
      int cell = item / quads;
      int cy = cell / grid;
      int cx = cell % grid;
      int top = (int) ((long) cy * height / grid);
      int bottom = (int) (((long) (cy + 1) * height + grid - 1) / grid);
      int left = (int) ((long) cx * width / grid);
      int right = (int) (((long) (cx + 1) * width + grid - 1) / grid);
      int last = Math.min(item % quads * 4 + 4, channels);
      for (int k = item % quads * 4; k < last; k++) {
        float sum = 0.0f;
        for (int y = top; y < bottom; y++) {
          for (int x = left; x < right; x++) {
            sum = sum + in.get(((row * height + y) * width + x) * channels + k);
          }
        }
        float count = (float) ((bottom - top) * (right - left));
        out.set((row * cells + cell) * channels + k, sum / count);
      }
    }
  }

  /**
   * Every stride-th pixel, its channels in the middle of as many outputs, zeros around them.
   *
   * @param ints capacity, height, width, channels, pixels of the result, its width, its channels,
   *     stride
   */
  static void shortcut(
      KernelContext c, IntArray ints, IntArray live, FloatArray in, FloatArray out) {
    int width = ints.get(2);
    int channels = ints.get(3);
    int pixels = ints.get(4);
    int outputs = ints.get(6);
    int quads = (outputs + 3) / 4;
    int item = item(c, pixels * quads);
    int image = image(c, pixels * quads);
    if (item < pixels * quads && image < live.get(RowKernels.TOKENS)) {
      int row = RowKernels.token(live, ints.get(0), image);
      int pixel = item / quads;
      int y = pixel / ints.get(5) * ints.get(7);
      int x = pixel % ints.get(5) * ints.get(7);
      int from = ((row * ints.get(1) + y) * width + x) * channels;
      int before = (outputs - channels) / 2;
      int last = Math.min(item % quads * 4 + 4, outputs);
      for (int n = item % quads * 4; n < last; n++) {
        float v = 0.0f;
        if (n >= before && n < before + channels) {
          v = in.get(from + n - before);
        }
        out.set((row * pixels + pixel) * outputs + n, v);
      }
    }
  }

  /**
   * Convolution in groups, an output after the other.
   *
   * @param ints as {@link #maxPool}, then groups, epilogue
   * @param weight (side, side, channels / groups, outputs)
   * @param bias (outputs)
   * @param residual as out; may be missing
   */
  static void convolution(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    int height = ints.get(1);
    int width = ints.get(2);
    int channels = ints.get(3);
    int pixels = ints.get(4);
    int outputs = ints.get(6);
    int side = ints.get(7);
    int groups = ints.get(10);
    int quads = (outputs + 3) / 4;
    int item = item(c, pixels * quads);
    int image = image(c, pixels * quads);
    if (item < pixels * quads && image < live.get(RowKernels.TOKENS)) {
      int row = RowKernels.token(live, ints.get(0), image);
      int pixel = item / quads;
      int y0 = pixel / ints.get(5) * ints.get(8) - ints.get(9);
      int x0 = pixel % ints.get(5) * ints.get(8) - ints.get(9);
      int top = Math.max(y0, 0);
      int left = Math.max(x0, 0);
      int bottom = Math.min(y0 + side, height);
      int right = Math.min(x0 + side, width);
      int inputs = channels / groups; // that an output sees
      int last = Math.min(item % quads * 4 + 4, outputs);
      for (int n = item % quads * 4; n < last; n++) {
        int first = n / (outputs / groups) * inputs;
        float sum = 0.0f;
        for (int y = top; y < bottom; y++) {
          for (int x = left; x < right; x++) {
            int from = ((row * height + y) * width + x) * channels + first;
            int w = ((y - y0) * side + x - x0) * inputs * outputs + n;
            for (int k = 0; k < inputs; k++) {
              sum = in.get(from + k) * weight.get(w + k * outputs) + sum;
            }
          }
        }
        int to = (row * pixels + pixel) * outputs + n;
        Epilogues.finish(ints.get(11), sum + bias.get(n), residual, out, to);
      }
    }
  }
}
