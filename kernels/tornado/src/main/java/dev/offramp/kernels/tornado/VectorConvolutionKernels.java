package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.collections.VectorFloat16;
import uk.ac.manchester.tornado.api.types.vectors.Float16;

/**
 * Convolution of the live rows' images, for processors: a work item makes some tiles of eight
 * output pixels side by side, of a panel of 16 outputs, a vector for each pixel. With two vectors
 * of outputs, or sixteen pixels, it is no faster.
 */
final class VectorConvolutionKernels {
  private static final int PIXELS = 8;

  /** Inputs that are taken at a time, which weights are laid out by. */
  private static final int DEPTH = 16;

  /** Most pixels of a window's line that share a copy. */
  private static final int RUN = 8;

  private VectorConvolutionKernels() {}

  /** Copies so many inputs, or zeros where they are not inside the image. */
  private static void copy(FloatArray in, int from, int inside, float[] target, int at, int count) {
    for (int k = 0; k < count; k++) {
      float v = 0.0f;
      if (inside == 1) {
        v = in.get(from + k);
      }
      target[at + k] = v;
    }
  }

  /**
   * Group along x: tiles, along y: panels. Inputs of the pixels of a window's line are copied
   * together, zeros for those outside the image, so that the inner loop reads at fixed distances.
   * They are not read as vectors: TornadoVM would take them for written, and loop for ever where a
   * recording has them as residual too. Panels are of one group of the convolution each, the last
   * of a group filled up with zeros.
   *
   * @param ints capacity, height, width, channels, pixels of the result, its width, its channels,
   *     side of the window, stride, padding, groups, epilogue, tiles of an item
   * @param panels weights (groups, panels of a group, channels / groups / 16, side, side, 16, 16),
   *     the last 16 channels being as many as there are
   * @param biases (groups, panels of a group, 16)
   * @param in (.., height, width, channels)
   * @param residual as out; may be missing
   * @param out (.., pixels, outputs)
   */
  static void convolution(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray panels,
      FloatArray biases,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    float[] held = new float[(PIXELS + RUN - 1) * DEPTH];
    float[] sums = new float[PIXELS * 16];
    VectorFloat16 weights = new VectorFloat16(panels);
    int capacity = ints.get(0);
    int height = ints.get(1);
    int width = ints.get(2);
    int channels = ints.get(3);
    int outWidth = ints.get(5);
    int outputs = ints.get(6);
    int side = ints.get(7);
    int stride = ints.get(8);
    int padding = ints.get(9);
    int groups = ints.get(10);
    int epilogue = ints.get(11);
    int each = ints.get(12);
    int across = (outWidth + PIXELS - 1) / PIXELS;
    int lines = ints.get(4) / outWidth;
    int inputs = channels / groups; // of a group
    int wide = outputs / groups;
    int panel = c.groupIdy;
    int group = panel / ((wide + 15) / 16);
    int first = panel % ((wide + 15) / 16) * 16; // of the group's outputs
    int run = 1;
    if (stride == 1) {
      run = Math.min(side, RUN);
    }
    Float16 bias = new VectorFloat16(biases).get(panel);
    int end = Math.min((c.groupIdx + 1) * each, live.get(RowKernels.TOKENS) * lines * across);
    for (int tile = c.groupIdx * each; tile < end; tile++) {
      int line = tile / across;
      int row = RowKernels.token(live, capacity, line / lines);
      int oy = line % lines;
      int ox = tile % across * PIXELS;
      int y0 = oy * stride - padding;
      int top = Math.max(0, -y0); // of the window's lines, those inside the image
      int bottom = Math.min(side, height - y0);
      Float16 s0 = bias;
      Float16 s1 = bias;
      Float16 s2 = bias;
      Float16 s3 = bias;
      Float16 s4 = bias;
      Float16 s5 = bias;
      Float16 s6 = bias;
      Float16 s7 = bias;
      for (int c0 = 0; c0 < inputs; c0 += DEPTH) {
        int depth = Math.min(DEPTH, inputs - c0);
        for (int ky = top; ky < bottom; ky++) {
          for (int kx = 0; kx < side; kx += run) {
            int taps = Math.min(run, side - kx);
            for (int i = 0; i < PIXELS + taps - 1; i++) {
              int x = (ox + i) * stride - padding + kx;
              int at = ((row * height + y0 + ky) * width + x) * channels + group * inputs + c0;
              int inside = 0;
              if (x >= 0 && x < width) {
                inside = 1;
              }
              if (inputs % DEPTH == 0) {
                copy(in, at, inside, held, i * DEPTH, DEPTH); // a number known makes it fast
              } else {
                copy(in, at, inside, held, i * DEPTH, depth);
              }
            }
            int w = (panel * inputs + c0) * side * side + (ky * side + kx) * depth;
            for (int t = 0; t < taps; t++) {
              for (int k = 0; k < depth; k++) {
                int h = t * DEPTH + k;
                Float16 f = weights.get(w + t * depth + k);
                s0 = Float16.add(s0, Float16.mult(f, Vectors.all(held[h])));
                s1 = Float16.add(s1, Float16.mult(f, Vectors.all(held[h + DEPTH])));
                s2 = Float16.add(s2, Float16.mult(f, Vectors.all(held[h + 2 * DEPTH])));
                s3 = Float16.add(s3, Float16.mult(f, Vectors.all(held[h + 3 * DEPTH])));
                s4 = Float16.add(s4, Float16.mult(f, Vectors.all(held[h + 4 * DEPTH])));
                s5 = Float16.add(s5, Float16.mult(f, Vectors.all(held[h + 5 * DEPTH])));
                s6 = Float16.add(s6, Float16.mult(f, Vectors.all(held[h + 6 * DEPTH])));
                s7 = Float16.add(s7, Float16.mult(f, Vectors.all(held[h + 7 * DEPTH])));
              }
            }
          }
        }
      }
      Vectors.put(sums, 0, s0);
      Vectors.put(sums, 16, s1);
      Vectors.put(sums, 32, s2);
      Vectors.put(sums, 48, s3);
      Vectors.put(sums, 64, s4);
      Vectors.put(sums, 80, s5);
      Vectors.put(sums, 96, s6);
      Vectors.put(sums, 112, s7);
      int columns = Math.min(16, wide - first);
      int count = Math.min(PIXELS, outWidth - ox);
      for (int i = 0; i < count; i++) {
        int to = ((row * lines + oy) * outWidth + ox + i) * outputs + group * wide + first;
        for (int n = 0; n < columns; n++) {
          Epilogues.finish(epilogue, sums[16 * i + n], residual, out, to + n);
        }
      }
    }
  }
}
