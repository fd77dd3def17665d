package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.collections.VectorFloat16;
import uk.ac.manchester.tornado.api.types.vectors.Float16;

/**
 * Layer normalization and embedding with sixteen positions for each work item, attention with a
 * work item for each head of each row: for processors.
 */
final class VectorLayerKernels {
  private static final int BLOCK = 16;
  private static final int LONGEST = 2048;

  private VectorLayerKernels() {}

  /** Normalizes a line, with four sums at a time: one would wait for itself at each step. */
  private static void normalize(
      int width,
      float epsilon,
      FloatArray gamma,
      FloatArray beta,
      FloatArray in,
      FloatArray out,
      int at) {
    float s0 = 0.0f;
    float s1 = 0.0f;
    float s2 = 0.0f;
    float s3 = 0.0f;
    for (int j = 0; j < width; j += 4) {
      s0 = s0 + in.get(at + j);
      if (j + 3 < width) {
        s1 = s1 + in.get(at + j + 1);
        s2 = s2 + in.get(at + j + 2);
        s3 = s3 + in.get(at + j + 3);
      } else {
        for (int k = j + 1; k < width; k++) {
          s1 = s1 + in.get(at + k);
        }
      }
    }
    float mean = ((s0 + s1) + (s2 + s3)) / width;
    s0 = 0.0f;
    s1 = 0.0f;
    s2 = 0.0f;
    s3 = 0.0f;
    for (int j = 0; j < width; j += 4) {
      float d0 = in.get(at + j) - mean;
      s0 = d0 * d0 + s0;
      if (j + 3 < width) {
        float d1 = in.get(at + j + 1) - mean;
        float d2 = in.get(at + j + 2) - mean;
        float d3 = in.get(at + j + 3) - mean;
        s1 = d1 * d1 + s1;
        s2 = d2 * d2 + s2;
        s3 = d3 * d3 + s3;
      } else {
        for (int k = j + 1; k < width; k++) {
          float d = in.get(at + k) - mean;
          s1 = d * d + s1;
        }
      }
    }
    float variance = ((s0 + s1) + (s2 + s3)) / width;
    float scale = 1.0f / TornadoMath.sqrt(variance + epsilon);
    for (int j = 0; j < width; j++) {
      float y = (in.get(at + j) - mean) * scale;
      out.set(at + j, y * gamma.get(j) + beta.get(j));
    }
  }

  /** Parameters as of {@link LayerKernels#layerNorm}. */
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
    float epsilon = floats.get(Call.FLOATS);
    int first = c.groupIdx * BLOCK;
    int end = Math.min(first + BLOCK, live.get(RowKernels.TOKENS));
    for (int t = first; t < end; t++) {
      int at = RowKernels.token(live, capacity, t) * width;
      normalize(width, epsilon, gamma, beta, in, out, at);
    }
  }

  /** Parameters as of {@link LayerKernels#embed}. */
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
    int vocabulary = ints.get(2);
    float epsilon = floats.get(Call.FLOATS);
    int first = c.groupIdx * BLOCK;
    int end = Math.min(first + BLOCK, live.get(RowKernels.TOKENS));
    for (int t = first; t < end; t++) {
      int token = RowKernels.token(live, capacity, t);
      int at = token * width;
      int id = ids.get(token);
      int word = 0;
      float unknown = 0.0f;
      if (id >= 0 && id < vocabulary) {
        word = id * width;
      } else {
        unknown = LayerKernels.nan(epsilon);
      }
      int position = token % live.get(RowKernels.POSITIONS) * width;
      for (int j = 0; j < width; j++) {
        float v = words.get(word + j) + positions.get(position + j) + types.get(j);
        out.set(at + j, v + unknown);
      }
      normalize(width, epsilon, gamma, beta, out, out, at);
    }
  }

  /**
   * Scores of a query to all keys first, then their softmax, then the sums of values.
   *
   * @param ints capacity, heads, headSize
   * @param floats scale of scores
   * @param qkv activations (.., 3 * heads * headSize)
   * @param out activations (.., heads * headSize)
   */
  static void attention(
      KernelContext c,
      IntArray ints,
      FloatArray floats,
      IntArray live,
      FloatArray qkv,
      FloatArray out) {
    float[] scores = new float[LONGEST];
    VectorFloat16 inVectors = new VectorFloat16(qkv);
    VectorFloat16 outVectors = new VectorFloat16(out);
    int capacity = ints.get(0);
    int heads = ints.get(1);
    int headSize = ints.get(2);
    float scale = floats.get(Call.FLOATS);
    // Heads of whole vectors lie at whole vectors. No branch here: of two loops in an if and its
    // else, TornadoVM takes what the second one left whichever was run.
    int whole = 0;
    if (headSize % 16 == 0) {
      whole = headSize;
    }
    int group = c.groupIdx;
    int i = group / heads;
    int head = group % heads;
    if (i < live.get(RowKernels.COUNT)) {
      int length = RowKernels.length(live, capacity, i);
      int token = RowKernels.row(live, i) * live.get(RowKernels.POSITIONS);
      int width = heads * headSize;
      for (int query = 0; query < length; query++) {
        int q = (token + query) * 3 * width + head * headSize;
        int to = (token + query) * width + head * headSize;
        float most = -3.4028235e38f;
        for (int j = 0; j < length; j++) {
          int key = (token + j) * 3 * width + width + head * headSize;
          float s = 0.0f;
          for (int d = 0; d < whole; d += 16) {
            Float16 x = inVectors.get((q + d) / 16);
            Float16 y = inVectors.get((key + d) / 16);
            s = s + Vectors.sum(Float16.mult(x, y));
          }
          for (int d = whole; d < headSize; d++) {
            s = qkv.get(q + d) * qkv.get(key + d) + s;
          }
          s = s * scale;
          scores[j] = s;
          if (s > most) {
            most = s;
          }
        }
        float sum = 0.0f;
        for (int j = 0; j < length; j++) {
          float p = TornadoMath.exp(scores[j] - most);
          scores[j] = p;
          sum = sum + p;
        }
        float share = 1.0f / sum;
        int values = token * 3 * width + 2 * width + head * headSize;
        for (int d = 0; d < whole; d += 16) {
          Float16 o = Float16.mult(inVectors.get((values + d) / 16), Vectors.all(scores[0]));
          for (int j = 1; j < length; j++) {
            Float16 v = inVectors.get((values + j * 3 * width + d) / 16);
            o = Float16.add(o, Float16.mult(v, Vectors.all(scores[j])));
          }
          outVectors.set((to + d) / 16, Float16.mult(o, Vectors.all(share)));
        }
        for (int d = whole; d < headSize; d++) {
          float o = 0.0f;
          for (int j = 0; j < length; j++) {
            o = scores[j] * qkv.get(values + j * 3 * width + d) + o;
          }
          out.set(to + d, o * share);
        }
      }
    }
  }
}
