package dev.offramp.kernels.jvm;

import static dev.offramp.kernels.jvm.Vectors.LANES;
import static dev.offramp.kernels.jvm.Vectors.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Transforms of {@link Winograd}'s tiles on the Vector API, a vector of channels at a time.
 *
 * <p>No method here calls one of ours for a vector, be it ever so small: where the compiler has put
 * so much into a caller that it stops, it still takes in the Vector API's methods, but a call of
 * ours would allocate every vector.
 */
final class WinogradLoops {
  private WinogradLoops() {}

  /**
   * Copies pixels.
   *
   * @param step from a pixel to the next in {@code in}; in {@code out} they lie side by side
   * @param size numbers of a pixel
   */
  static void copy(float[] in, int at, int step, float[] out, int to, int count, int size) {
    for (int c = 0; c < size; c += LANES) {
      for (int i = 0; i < count; i++) {
        FloatVector.fromArray(SPECIES, in, at + c + i * step).intoArray(out, to + c + i * size);
      }
    }
  }

  /**
   * B^T d along the columns, with B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1].
   *
   * @param in 4 lines d from {@code at} on, one after the other
   * @param out 4 lines
   * @param line numbers of a line
   */
  static void inputLines(float[] in, int at, float[] out, int line) {
    for (int i = 0; i < line; i += LANES) {
      FloatVector a = FloatVector.fromArray(SPECIES, in, at + i);
      FloatVector b = FloatVector.fromArray(SPECIES, in, at + line + i);
      FloatVector d = FloatVector.fromArray(SPECIES, in, at + 2 * line + i);
      FloatVector e = FloatVector.fromArray(SPECIES, in, at + 3 * line + i);
      a.sub(d).intoArray(out, i);
      b.add(d).intoArray(out, line + i);
      d.sub(b).intoArray(out, 2 * line + i);
      b.sub(e).intoArray(out, 3 * line + i);
    }
  }

  /**
   * The same along a line, for all tiles side by side.
   *
   * @param even the line's even columns from there on: of each tile the first, and the third as
   *     that of the next tile
   * @param odd its odd columns likewise
   * @param pixel numbers of a column
   * @param u 4 points from {@code to} on, a plane further each
   * @param count numbers of a point
   */
  static void inputColumns(
      float[] in, int even, int odd, int pixel, float[] u, int to, int plane, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector a = FloatVector.fromArray(SPECIES, in, even + i);
      FloatVector b = FloatVector.fromArray(SPECIES, in, odd + i);
      FloatVector d = FloatVector.fromArray(SPECIES, in, even + pixel + i);
      FloatVector e = FloatVector.fromArray(SPECIES, in, odd + pixel + i);
      a.sub(d).intoArray(u, to + i);
      b.add(d).intoArray(u, to + plane + i);
      d.sub(b).intoArray(u, to + 2 * plane + i);
      b.sub(e).intoArray(u, to + 3 * plane + i);
    }
  }

  /**
   * A^T m along the columns, with A^T = [1 1 1 0; 0 1 -1 -1]: the sums take the places of the first
   * two of four points.
   *
   * @param m 4 points from {@code at} on, {@code step} further each
   * @param count numbers of a point
   */
  static void outputLines(float[] m, int at, int step, int count) {
    for (int i = at; i < at + count; i += LANES) {
      FloatVector a = FloatVector.fromArray(SPECIES, m, i);
      FloatVector b = FloatVector.fromArray(SPECIES, m, step + i);
      FloatVector d = FloatVector.fromArray(SPECIES, m, 2 * step + i);
      FloatVector e = FloatVector.fromArray(SPECIES, m, 3 * step + i);
      a.add(b).add(d).intoArray(m, i);
      b.sub(d).sub(e).intoArray(m, step + i);
    }
  }

  /**
   * The same along a line, for all tiles side by side, and the bias.
   *
   * @param m 4 points from {@code at} on, a plane further each
   * @param bias [count]
   * @param out the tiles' left columns, then their right ones
   * @param count numbers of a point
   */
  static void outputColumns(float[] m, int at, int plane, float[] bias, float[] out, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector start = FloatVector.fromArray(SPECIES, bias, i);
      FloatVector a = FloatVector.fromArray(SPECIES, m, at + i);
      FloatVector b = FloatVector.fromArray(SPECIES, m, at + plane + i);
      FloatVector d = FloatVector.fromArray(SPECIES, m, at + 2 * plane + i);
      FloatVector e = FloatVector.fromArray(SPECIES, m, at + 3 * plane + i);
      start.add(a).add(b).add(d).intoArray(out, i);
      start.add(b).sub(d).sub(e).intoArray(out, count + i);
    }
  }

  /**
   * Stores pixels.
   *
   * @param residual what is added first, at the outputs' places and maybe their array, or null
   * @param step from a pixel to the next in {@code out}; in {@code in} they lie side by side
   * @param size numbers of a pixel
   */
  static void store(
      float[] in,
      int at,
      float[] residual,
      boolean relu,
      float[] out,
      int to,
      int step,
      int count,
      int size) {
    for (int c = 0; c < size; c += LANES) {
      for (int i = 0; i < count; i++) {
        FloatVector v = FloatVector.fromArray(SPECIES, in, at + c + i * size);
        int place = to + c + i * step;
        if (residual != null) {
          v = v.add(FloatVector.fromArray(SPECIES, residual, place));
        }
        if (relu) {
          v = v.blend(0f, v.compare(VectorOperators.LE, 0f)); // a NaN stays
        }
        v.intoArray(out, place);
      }
    }
  }

  /**
   * Sum of the squares; NaN or infinite where a number is. Their count is a multiple of the lanes.
   */
  static float squares(float[] x, int at, int count) {
    // Four sums at a time: each waits for its last addition.
    FloatVector sum = FloatVector.zero(SPECIES);
    FloatVector second = sum;
    FloatVector third = sum;
    FloatVector fourth = sum;
    int i = at;
    for (; i <= at + count - 4 * LANES; i += 4 * LANES) {
      FloatVector a = FloatVector.fromArray(SPECIES, x, i);
      FloatVector b = FloatVector.fromArray(SPECIES, x, i + LANES);
      FloatVector d = FloatVector.fromArray(SPECIES, x, i + 2 * LANES);
      FloatVector e = FloatVector.fromArray(SPECIES, x, i + 3 * LANES);
      sum = a.fma(a, sum);
      second = b.fma(b, second);
      third = d.fma(d, third);
      fourth = e.fma(e, fourth);
    }
    for (; i < at + count; i += LANES) {
      FloatVector v = FloatVector.fromArray(SPECIES, x, i);
      sum = v.fma(v, sum);
    }
    sum = sum.add(second).add(third.add(fourth));
    return Vectors.sum(sum);
  }
}
