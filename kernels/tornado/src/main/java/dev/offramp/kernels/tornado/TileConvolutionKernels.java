package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Convolution of the live rows' images without groups, as {@link TileGemmKernels} make a product:
 * the inputs of an output pixel are the channels of side * side pixels, and those outside the image
 * are zero. A group makes a tile of output pixels, counted through all images, and of outputs;
 * groups that share pixels are neighbours. Sums add up in one order whatever the tile.
 */
final class TileConvolutionKernels {
  /** Inputs of a step. */
  private static final int DEPTH = 16;

  private TileConvolutionKernels() {}

  /**
   * Tiles of 64 pixels x 16 outputs, 64 items.
   *
   * @param ints capacity, height, width, channels, pixels of the result, its width, its channels,
   *     side of the window, stride, padding, epilogue
   * @param weight (outputs, side, side, channels)
   * @param bias (outputs)
   * @param in (.., height, width, channels)
   * @param residual as out; may be missing
   * @param out (.., pixels, outputs)
   */
  static void convolution64x16(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    float[] sum = new float[4 * 4];
    sum(c, ints, live, weight, in, sum, 16, 4, 4);
    finish(c, ints, live, bias, sum, residual, out, 16, 4, 4);
  }

  /** As {@link #convolution64x16}, with 32 outputs and 128 items. */
  static void convolution64x32(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    float[] sum = new float[4 * 4];
    sum(c, ints, live, weight, in, sum, 16, 8, 4);
    finish(c, ints, live, bias, sum, residual, out, 16, 8, 4);
  }

  /** As {@link #convolution64x16}, with 64 outputs and 256 items. */
  static void convolution64x64(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    float[] sum = new float[4 * 4];
    sum(c, ints, live, weight, in, sum, 16, 16, 4);
    finish(c, ints, live, bias, sum, residual, out, 16, 16, 4);
  }

  /** As {@link #convolution64x16}, with 128 pixels, 128 outputs and 256 items. */
  static void convolution128x128(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    float[] sum = new float[8 * 8];
    sum(c, ints, live, weight, in, sum, 16, 16, 8);
    finish(c, ints, live, bias, sum, residual, out, 16, 16, 8);
  }

  /**
   * TornadoVM inlines up to 600 nodes only, hence this and {@link #finish}. Nor can it compile a
   * method that reads its numbers twice.
   */
  private static void sum(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray in,
      float[] sum,
      int down,
      int across,
      int each) {
    int tileM = down * each;
    int tileN = across * each;
    // A word of padding, so that lines start at different banks.
    float[] a = c.allocateFloatLocalArray(DEPTH * (tileM + 1));
    float[] b = c.allocateFloatLocalArray(DEPTH * (tileN + 1));
    float[] column = new float[each];
    int lines = across * down / DEPTH; // that all items together load at a time
    int loads = tileM / lines;
    int[] inAt = new int[loads]; // of the image
    int[] inY = new int[loads]; // where the window starts
    int[] inX = new int[loads];
    int capacity = ints.get(0);
    int height = ints.get(1);
    int width = ints.get(2);
    int channels = ints.get(3);
    int outPixels = ints.get(4);
    int outWidth = ints.get(5);
    int outputs = ints.get(6);
    int side = ints.get(7);
    int stride = ints.get(8);
    int padding = ints.get(9);
    int lane = c.localIdx;
    int x = lane % across;
    int y = lane / across;
    int tilesAcross = (outputs + tileN - 1) / tileN;
    int pixels = live.get(RowKernels.TOKENS) * outPixels;
    int group = c.groupIdx;
    int first = group / tilesAcross * tileM;
    int left = group % tilesAcross * tileN;
    int inputs = side * side * channels;
    int depth = inputs;
    if (first >= pixels) {
      // Nothing to do, but no way out before a barrier on PoCL: no steps.
      first = 0;
      pixels = 0;
      depth = 0;
    }
    for (int i = 0; i < each * each; i++) {
      sum[i] = 0.0f;
    }
    for (int e = 0; e < loads; e++) {
      int m = first + lane / DEPTH + e * lines;
      // One beyond the image: where there is no pixel, there are zeros.
      inAt[e] = 0;
      inY[e] = height;
      inX[e] = 0;
      if (m < pixels) {
        int pixel = m % outPixels;
        inAt[e] = RowKernels.token(live, capacity, m / outPixels) * height * width * channels;
        inY[e] = pixel / outWidth * stride - padding;
        inX[e] = pixel % outWidth * stride - padding;
      }
    }
    // What an item loads next: always one and the same input of some pixels and outputs.
    int channel = lane % DEPTH;
    int ky = 0;
    int kx = 0;
    for (int k0 = 0; k0 < depth; k0 += DEPTH) {
      while (channel >= channels) {
        channel -= channels;
        kx++;
        if (kx == side) {
          kx = 0;
          ky++;
        }
      }
      for (int e = 0; e < loads; e++) {
        int py = inY[e] + ky;
        int px = inX[e] + kx;
        int at = inAt[e] + (py * width + px) * channels + channel;
        float v = 0.0f;
        if (ky < side && py >= 0 && py < height && px >= 0 && px < width) {
          v = in.get(at);
        }
        a[lane % DEPTH * (tileM + 1) + lane / DEPTH + e * lines] = v;
      }
      for (int e = 0; e < tileN / lines; e++) {
        int n = left + lane / DEPTH + e * lines;
        int k = k0 + lane % DEPTH;
        float v = 0.0f;
        if (n < outputs && k < inputs) {
          v = weight.get(n * inputs + k);
        }
        b[lane % DEPTH * (tileN + 1) + lane / DEPTH + e * lines] = v;
      }
      channel += DEPTH;
      c.localBarrier();
      for (int k = 0; k < DEPTH; k++) {
        for (int j = 0; j < each; j++) {
          column[j] = b[k * (tileN + 1) + j * across + x];
        }
        for (int i = 0; i < each; i++) {
          float p = a[k * (tileM + 1) + i * down + y];
          for (int j = 0; j < each; j++) {
            sum[i * each + j] = p * column[j] + sum[i * each + j];
          }
        }
      }
      c.localBarrier();
    }
  }

  private static void finish(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray bias,
      float[] sum,
      FloatArray residual,
      FloatArray out,
      int down,
      int across,
      int each) {
    int outPixels = ints.get(4);
    int outputs = ints.get(6);
    int epilogue = ints.get(10);
    int tileM = down * each;
    int tileN = across * each;
    int tilesAcross = (outputs + tileN - 1) / tileN;
    int group = c.groupIdx;
    int lane = c.localIdx;
    int first = group / tilesAcross * tileM + lane / across;
    int left = group % tilesAcross * tileN + lane % across;
    int pixels = live.get(RowKernels.TOKENS) * outPixels;
    for (int i = 0; i < each; i++) {
      int m = first + i * down;
      if (m < pixels) {
        int row = RowKernels.token(live, ints.get(0), m / outPixels);
        int to = (row * outPixels + m % outPixels) * outputs;
        for (int j = 0; j < each; j++) {
          int n = left + j * across;
          if (n < outputs) {
            Epilogues.finish(epilogue, sum[i * each + j] + bias.get(n), residual, out, to + n);
          }
        }
      }
    }
  }
}
