package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Attention of one head of one row, for graphics cards. A group has 32 queries, a lane each, times
 * four teams that share the keys among them; each keeps a softmax of its own, and the first team
 * merges them. No scores leave the registers.
 */
final class AttentionKernels {
  private static final int TEAMS = 4;
  private static final int ITEMS = 32 * TEAMS;

  /** Floats of keys, and of values, in local memory at a time. */
  private static final int HELD = 2048;

  /** Below any score; an infinity would make NaN of the difference of two. */
  private static final float LOWEST = -3.0e38f;

  private AttentionKernels() {}

  /**
   * Heads of up to 32 dimensions. Group along x: rows and their heads, along y: queries.
   *
   * @param ints capacity, heads, headSize
   * @param floats scale of scores
   * @param qkv activations (.., 3 * heads * headSize)
   * @param out activations (.., heads * headSize)
   */
  static void attention32(
      KernelContext c,
      IntArray ints,
      FloatArray floats,
      IntArray live,
      FloatArray qkv,
      FloatArray out) {
    attention(c, ints, floats, live, qkv, out, 32);
  }

  /** As {@link #attention32}, up to 64. */
  static void attention64(
      KernelContext c,
      IntArray ints,
      FloatArray floats,
      IntArray live,
      FloatArray qkv,
      FloatArray out) {
    attention(c, ints, floats, live, qkv, out, 64);
  }

  /** As {@link #attention32}, up to 128. */
  static void attention128(
      KernelContext c,
      IntArray ints,
      FloatArray floats,
      IntArray live,
      FloatArray qkv,
      FloatArray out) {
    attention(c, ints, floats, live, qkv, out, 128);
  }

  private static void attention(
      KernelContext c,
      IntArray ints,
      FloatArray floats,
      IntArray live,
      FloatArray qkv,
      FloatArray out,
      int most) {
    float[] keys = c.allocateFloatLocalArray(2 * HELD); // then values; in the end results to merge
    float[] merge = c.allocateFloatLocalArray(64);
    float[] q = new float[most];
    float[] o = new float[most];
    int capacity = ints.get(0);
    int heads = ints.get(1);
    int headSize = ints.get(2);
    float scale = floats.get(Call.FLOATS);
    int lane = c.localIdx;
    // Each once: TornadoVM fails where the same is read again.
    int group = c.groupIdx;
    int round = c.groupIdy;
    int team = c.localIdy;
    int item = team * 32 + lane;
    int i = group / heads;
    int head = group % heads;
    int length = 0;
    if (i < live.get(RowKernels.COUNT)) {
      length = RowKernels.length(live, capacity, i);
      if (round * 32 >= length) {
        length = 0;
      }
    } else {
      i = 0; // and on to the barriers, which PoCL cannot leave before
    }
    int token = RowKernels.row(live, i) * live.get(RowKernels.POSITIONS);
    int width = heads * headSize;
    int query = round * 32 + lane;
    int tile = HELD / most;
    int from = (token + Math.min(query, Math.max(length - 1, 0))) * 3 * width + head * headSize;
    for (int d = 0; d < most; d++) {
      float v = 0.0f;
      if (d < headSize) {
        v = qkv.get(from + d) * scale;
      }
      q[d] = v;
      o[d] = 0.0f;
    }
    float m = LOWEST;
    float l = 0.0f;
    for (int first = 0; first < length; first += tile) {
      int count = Math.min(tile, length - first);
      c.localBarrier();
      for (int e = item; e < count * most; e += ITEMS) {
        int d = e % most;
        float k = 0.0f;
        float v = 0.0f;
        if (d < headSize) {
          int at = (token + first + e / most) * 3 * width + width + head * headSize + d;
          k = qkv.get(at);
          v = qkv.get(at + width);
        }
        keys[e] = k;
        keys[HELD + e] = v;
      }
      c.localBarrier();
      for (int key = team; key < count; key += TEAMS) {
        float s = 0.0f;
        for (int d = 0; d < most; d++) {
          s = q[d] * keys[key * most + d] + s;
        }
        if (s > m) {
          float shrink = TornadoMath.exp(m - s);
          m = s;
          l = l * shrink;
          for (int d = 0; d < most; d++) {
            o[d] = o[d] * shrink;
          }
        }
        float p = TornadoMath.exp(s - m); // a NaN stays
        l = l + p;
        for (int d = 0; d < most; d++) {
          o[d] = p * keys[HELD + key * most + d] + o[d];
        }
      }
    }
    int teams = Math.min(length, TEAMS); // those that had a key
    for (int other = 1; other < teams; other++) {
      c.localBarrier();
      if (team == other) {
        merge[lane] = m;
        merge[32 + lane] = l;
      }
      for (int part = 0; part < most; part += 32) {
        if (team == other) {
          for (int d = 0; d < 32; d++) {
            keys[(part + d) * 32 + lane] = o[part + d];
          }
        }
      }
      c.localBarrier();
      if (team == 0) {
        float theirs = merge[lane];
        float larger = m;
        if (theirs > m) {
          larger = theirs;
        }
        float x = TornadoMath.exp(m - larger);
        float y = TornadoMath.exp(theirs - larger);
        m = larger;
        l = x * l + y * merge[32 + lane];
        for (int d = 0; d < most; d++) {
          o[d] = x * o[d] + y * keys[d * 32 + lane];
        }
      }
    }
    if (team == 0) {
      if (query < length) {
        int to = (token + query) * width + head * headSize;
        for (int d = 0; d < most; d++) {
          if (d < headSize) {
            out.set(to + d, o[d] / l);
          }
        }
      }
    }
  }
}
