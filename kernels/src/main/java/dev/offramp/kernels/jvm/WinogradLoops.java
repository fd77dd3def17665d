package dev.offramp.kernels.jvm;

import static dev.offramp.kernels.jvm.Vectors.LANES;
import static dev.offramp.kernels.jvm.Vectors.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Transforms of {@link Winograd}'s tiles on the Vector API, a vector of channels at a time. */
final class WinogradLoops {
  private WinogradLoops() {}

  /**
   * B^T d B of a tile's 4 x 4 inputs d, with B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1].
   *
   * @param at of the first input
   * @param pixel from a pixel to the next
   * @param line from a line to the next
   * @param to of the first point; the others are a plane further each
   */
  static void input(
      float[] in, int at, int pixel, int line, float[] u, int to, int plane, int channels) {
    // Through memory: with all sixteen numbers in registers the method is too much for the
    // compiler.
    for (int c = 0; c < channels; c += LANES) {
      for (int j = 0; j < 4; j++) {
        int from = at + c + j * pixel;
        FloatVector a = load(in, from);
        FloatVector b = load(in, from + line);
        FloatVector d = load(in, from + 2 * line);
        FloatVector e = load(in, from + 3 * line);
        int put = to + c + j * plane;
        a.sub(d).intoArray(u, put);
        b.add(d).intoArray(u, put + 4 * plane);
        d.sub(b).intoArray(u, put + 8 * plane);
        b.sub(e).intoArray(u, put + 12 * plane);
      }
      for (int i = 0; i < 16; i += 4) {
        int put = to + c + i * plane;
        FloatVector a = load(u, put);
        FloatVector b = load(u, put + plane);
        FloatVector d = load(u, put + 2 * plane);
        FloatVector e = load(u, put + 3 * plane);
        a.sub(d).intoArray(u, put);
        b.add(d).intoArray(u, put + plane);
        d.sub(b).intoArray(u, put + 2 * plane);
        b.sub(e).intoArray(u, put + 3 * plane);
      }
    }
  }

  /**
   * A^T m A of a tile's 16 products m, with A^T = [1 1 1 0; 0 1 -1 -1], and what comes after it.
   *
   * @param at of the first product; the others are a plane further each
   * @param residual what is added at the outputs' places, or null
   * @param to of the first output
   * @param pixel from an output to the next, the number of channels
   * @param line from a line of outputs to the next
   * @param lines which lines are written: 1 the first, 2 the second, 3 both
   * @param columns how many columns are written, 1 or 2
   */
  static void output(
      float[] m,
      int at,
      int plane,
      float[] bias,
      float[] residual,
      float[] out,
      int to,
      int pixel,
      int line,
      int lines,
      int columns,
      boolean relu) {
    for (int c = 0; c < pixel; c += LANES) {
      FloatVector start = load(bias, c);
      FloatVector above = start;
      FloatVector aboveRight = start;
      FloatVector below = start;
      FloatVector belowRight = start;
      for (int j = 0; j < 4; j++) {
        int from = at + c + j * plane;
        FloatVector a = load(m, from);
        FloatVector b = load(m, from + 4 * plane);
        FloatVector d = load(m, from + 8 * plane);
        FloatVector e = load(m, from + 12 * plane);
        FloatVector first = a.add(b).add(d);
        FloatVector second = b.sub(d).sub(e);
        if (j < 3) {
          above = above.add(first);
          below = below.add(second);
        }
        if (j == 1) {
          aboveRight = aboveRight.add(first);
          belowRight = belowRight.add(second);
        } else if (j > 1) {
          aboveRight = aboveRight.sub(first);
          belowRight = belowRight.sub(second);
        }
      }
      if ((lines & 1) != 0) {
        store(above, residual, out, to + c, relu);
        if (columns == 2) {
          store(aboveRight, residual, out, to + c + pixel, relu);
        }
      }
      if ((lines & 2) != 0) {
        store(below, residual, out, to + c + line, relu);
        if (columns == 2) {
          store(belowRight, residual, out, to + c + line + pixel, relu);
        }
      }
    }
  }

  private static void store(FloatVector v, float[] residual, float[] out, int at, boolean relu) {
    if (residual != null) {
      v = v.add(load(residual, at));
    }
    if (relu) {
      v = v.blend(0f, v.compare(VectorOperators.LE, 0f)); // a NaN stays
    }
    v.intoArray(out, at);
  }

  /**
   * Sum of the squares; NaN or infinite where a number is. Their count is a multiple of the lanes.
   */
  static float squares(float[] x, int at, int count) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = at; i < at + count; i += LANES) {
      FloatVector v = load(x, i);
      sum = v.fma(v, sum);
    }
    return Vectors.sum(sum);
  }

  private static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(SPECIES, x, at);
  }
}
