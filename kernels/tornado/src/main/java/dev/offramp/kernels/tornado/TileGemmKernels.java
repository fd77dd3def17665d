package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * out = epilogue(W in + bias) at each valid position, for graphics cards: a group makes a tile of
 * positions and outputs, an item a square of it whose lines and columns lie apart, so that
 * neighbours read neighbouring words.
 */
final class TileGemmKernels {
  /** Inputs of a step. */
  private static final int DEPTH = 16;

  private TileGemmKernels() {}

  /**
   * Tiles of 32 x 32, 64 items. Group along x: outputs, along y: positions.
   *
   * @param ints capacity, inputs, outputs, epilogue
   * @param weight (outputs, inputs)
   * @param bias (outputs)
   * @param in activations (.., inputs)
   * @param residual as out; may be missing
   * @param out activations (.., outputs)
   */
  static void gemm32(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    gemm(c, ints, live, weight, bias, in, residual, out, 32, 4);
  }

  /** As {@link #gemm32}, with tiles of 64 x 64, 256 items. */
  static void gemm64(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    gemm(c, ints, live, weight, bias, in, residual, out, 64, 4);
  }

  /** As {@link #gemm32}, with tiles of 128 x 128, 256 items. */
  static void gemm128(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    gemm(c, ints, live, weight, bias, in, residual, out, 128, 8);
  }

  private static void gemm(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray weight,
      FloatArray bias,
      FloatArray in,
      FloatArray residual,
      FloatArray out,
      int side,
      int each) {
    // Words of padding, so that lines start at different banks.
    float[] a = c.allocateFloatLocalArray(DEPTH * (side + 1));
    float[] b = c.allocateFloatLocalArray(DEPTH * (side + 1));
    float[] sum = new float[each * each];
    float[] column = new float[each];
    int across = side / each;
    int items = across * across;
    int capacity = ints.get(0);
    int inputs = ints.get(1);
    int outputs = ints.get(2);
    int epilogue = ints.get(3);
    int lane = c.localIdx;
    int x = lane % across;
    int y = lane / across;
    int tokens = live.get(RowKernels.TOKENS);
    int first = c.groupIdy * side;
    int left = c.groupIdx * side;
    int depth = inputs;
    if (first >= tokens) {
      // Nothing to do, but no way out before a barrier on PoCL: no steps.
      first = 0;
      tokens = 0;
      depth = 0;
    }
    for (int i = 0; i < each * each; i++) {
      sum[i] = 0.0f;
    }
    for (int k0 = 0; k0 < depth; k0 += DEPTH) {
      for (int e = lane; e < side * DEPTH; e += items) {
        int line = e / DEPTH;
        int k = k0 + e % DEPTH;
        float p = 0.0f;
        float q = 0.0f;
        if (k < inputs) {
          if (first + line < tokens) {
            p = in.get(RowKernels.token(live, capacity, first + line) * inputs + k);
          }
          if (left + line < outputs) {
            q = weight.get((left + line) * inputs + k);
          }
        }
        a[e % DEPTH * (side + 1) + line] = p;
        b[e % DEPTH * (side + 1) + line] = q;
      }
      c.localBarrier();
      for (int k = 0; k < DEPTH; k++) {
        for (int j = 0; j < each; j++) {
          column[j] = b[k * (side + 1) + j * across + x];
        }
        for (int i = 0; i < each; i++) {
          float p = a[k * (side + 1) + i * across + y];
          for (int j = 0; j < each; j++) {
            sum[i * each + j] = p * column[j] + sum[i * each + j];
          }
        }
      }
      c.localBarrier();
    }
    for (int i = 0; i < each; i++) {
      int m = first + i * across + y;
      if (m < tokens) {
        int to = RowKernels.token(live, capacity, m) * outputs;
        for (int j = 0; j < each; j++) {
          int n = left + j * across + x;
          if (n < outputs) {
            Epilogues.finish(epilogue, sum[i * each + j] + bias.get(n), residual, out, to + n);
          }
        }
      }
    }
  }
}
