package dev.offramp.kernels.jvm;

import static dev.offramp.kernels.jvm.Vectors.LANES;
import static dev.offramp.kernels.jvm.Vectors.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Transforms of {@link Winograd}'s tiles on the Vector API, a vector of channels at a time. */
final class WinogradLoops {
  private WinogradLoops() {}

  /**
   * B^T d along the columns, with B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1].
   *
   * @param in 4 lines d from {@code at} on, one after the other
   * @param out 4 lines
   * @param line numbers of a line
   */
  static void inputLines(float[] in, int at, float[] out, int line) {
    for (int i = 0; i < line; i += LANES) {
      FloatVector a = load(in, at + i);
      FloatVector b = load(in, at + line + i);
      FloatVector d = load(in, at + 2 * line + i);
      FloatVector e = load(in, at + 3 * line + i);
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
      FloatVector a = load(in, even + i);
      FloatVector b = load(in, odd + i);
      FloatVector d = load(in, even + pixel + i);
      FloatVector e = load(in, odd + pixel + i);
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
      FloatVector a = load(m, i);
      FloatVector b = load(m, step + i);
      FloatVector d = load(m, 2 * step + i);
      FloatVector e = load(m, 3 * step + i);
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
      FloatVector start = load(bias, i);
      FloatVector a = load(m, at + i);
      FloatVector b = load(m, at + plane + i);
      FloatVector d = load(m, at + 2 * plane + i);
      FloatVector e = load(m, at + 3 * plane + i);
      start.add(a).add(b).add(d).intoArray(out, i);
      start.add(b).sub(d).sub(e).intoArray(out, count + i);
    }
  }

  /**
   * Stores a line of outputs.
   *
   * @param residual what is added first, at the outputs' places and maybe their array, or null
   * @param at of the first output
   */
  static void store(
      float[] line, int from, float[] residual, boolean relu, float[] out, int at, int count) {
    for (int i = 0; i < count; i += LANES) {
      FloatVector v = load(line, from + i);
      if (residual != null) {
        v = v.add(load(residual, at + i));
      }
      if (relu) {
        v = v.blend(0f, v.compare(VectorOperators.LE, 0f)); // a NaN stays
      }
      v.intoArray(out, at + i);
    }
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
