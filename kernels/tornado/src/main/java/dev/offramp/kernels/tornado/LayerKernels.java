package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Layer normalization and embedding: a team of 32 lanes for each valid position. */
final class LayerKernels {
  /** Items of a group that is made of teams. */
  private static final int ITEMS = 256;

  private LayerKernels() {}

  /**
   * NaN, of a number that is not negative; TornadoVM writes the constant as no C compiler has it.
   */
  static float nan(float any) {
    return TornadoMath.sqrt(-1.0f - any);
  }

  /**
   * Sum over the 32 lanes of each team; every item of the group must take part. Local memory must
   * not be a parameter: TornadoVM then takes offsets in bytes for indices, far beyond its end.
   */
  static float teamSum(KernelContext c, float v) {
    float[] scratch = c.allocateFloatLocalArray(ITEMS);
    int lane = c.localIdx;
    int first = c.localIdy * 32; // once: TornadoVM fails where the same is read again
    int at = first + lane;
    c.localBarrier();
    scratch[at] = v;
    c.localBarrier();
    for (int step = 16; step > 0; step /= 2) {
      if (lane < step) {
        scratch[at] = scratch[at] + scratch[at + step];
      }
      c.localBarrier();
    }
    return scratch[first];
  }

  /**
   * @param ints capacity, width
   * @param floats epsilon
   * @param in activations (.., width)
   * @param out as in, may be the same
   */
  static void layerNorm(
      KernelContext c,
      IntArray ints,
      FloatArray floats,
      IntArray live,
      FloatArray gamma,
      FloatArray beta,
      FloatArray in,
      FloatArray out) {
    int capacity = ints.get(0);
    int width = ints.get(1);
    int t = c.groupIdx * c.localGroupSizeY + c.localIdy;
    int n = 0;
    int at = 0;
    if (t < live.get(RowKernels.TOKENS)) {
      n = width;
      at = RowKernels.token(live, capacity, t) * width;
    }
    float sum = 0.0f;
    for (int j = c.localIdx; j < n; j += 32) {
      sum = sum + in.get(at + j);
    }
    float mean = teamSum(c, sum) / width;
    sum = 0.0f;
    for (int j = c.localIdx; j < n; j += 32) {
      float d = in.get(at + j) - mean;
      sum = d * d + sum;
    }
    float variance = teamSum(c, sum) / width;
    float scale = 1.0f / TornadoMath.sqrt(variance + floats.get(Call.FLOATS));
    for (int j = c.localIdx; j < n; j += 32) {
      float y = (in.get(at + j) - mean) * scale;
      out.set(at + j, y * gamma.get(j) + beta.get(j));
    }
  }

  /**
   * An id outside the vocabulary leaves NaN.
   *
   * @param ints capacity, width, vocabulary
   * @param floats epsilon
   */
  static void embed(
      KernelContext c,
      IntArray ints,
      FloatArray floats,
      IntArray live,
      FloatArray gamma,
      FloatArray beta,
      FloatArray words,
      FloatArray positions,
      FloatArray types,
      IntArray ids,
      FloatArray out) {
    int capacity = ints.get(0);
    int width = ints.get(1);
    int t = c.groupIdx * c.localGroupSizeY + c.localIdy;
    int n = 0;
    int at = 0;
    int word = 0;
    int position = 0;
    float unknown = 0.0f;
    if (t < live.get(RowKernels.TOKENS)) {
      n = width;
      int token = RowKernels.token(live, capacity, t);
      at = token * width;
      int id = ids.get(token);
      if (id >= 0 && id < ints.get(2)) {
        word = id * width;
      } else {
        unknown = nan(floats.get(Call.FLOATS));
      }
      position = token % live.get(RowKernels.POSITIONS) * width;
    }
    float sum = unknown;
    for (int j = c.localIdx; j < n; j += 32) {
      sum = sum + entry(words, word, positions, position, types, j);
    }
    float mean = teamSum(c, sum) / width;
    sum = 0.0f;
    for (int j = c.localIdx; j < n; j += 32) {
      float d = entry(words, word, positions, position, types, j) - mean;
      sum = d * d + sum;
    }
    float variance = teamSum(c, sum) / width;
    float scale = 1.0f / TornadoMath.sqrt(variance + floats.get(Call.FLOATS));
    for (int j = c.localIdx; j < n; j += 32) {
      float y = (entry(words, word, positions, position, types, j) - mean) * scale;
      out.set(at + j, y * gamma.get(j) + beta.get(j));
    }
  }

  /** Looked up again whenever it is needed: in F16 out would not hold it exactly. */
  private static float entry(
      FloatArray words, int word, FloatArray positions, int position, FloatArray types, int j) {
    return words.get(word + j) + positions.get(position + j) + types.get(j);
  }
}
