package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** What ends a row: a group for each row that may be live. */
final class ExitKernels {
  private static final int MEAN = 0;
  private static final int FIRST = 1;

  private static final int ITEMS = 256;

  private ExitKernels() {}

  /** Pools feature j of a row that starts at in[at]; NaN stays. */
  private static float pooled(FloatArray in, int at, int pooling, int length, int width, int j) {
    float v = in.get(at + j);
    int used = length;
    if (pooling == FIRST) {
      used = 1;
    }
    for (int p = 1; p < used; p++) {
      float x = in.get(at + p * width + j);
      if (pooling == MEAN) {
        v = v + x;
      } else {
        if (x > v) {
          v = x;
        }
        if (Float.isNaN(x)) {
          v = x;
        }
      }
    }
    if (pooling == MEAN) {
      v = v / used;
    }
    return v;
  }

  /**
   * @param ints capacity, pooling, width
   * @param out (live rows, width)
   */
  static void pool(KernelContext c, IntArray ints, IntArray live, FloatArray in, FloatArray out) {
    int capacity = ints.get(0);
    int width = ints.get(2);
    int i = c.groupIdx;
    if (i < live.get(RowKernels.COUNT)) {
      int at = RowKernels.row(live, i) * live.get(RowKernels.POSITIONS) * width;
      int length = RowKernels.length(live, capacity, i);
      for (int j = c.localIdx; j < width; j += c.localGroupSizeX) {
        out.set(i * width + j, pooled(in, at, ints.get(1), length, width, j));
      }
    }
  }

  /**
   * Pool, linear, softmax, prediction and scores of each live row.
   *
   * @param ints capacity, pooling, width, classes, capacity of the signal, flags
   * @param weight (classes, width), or with {@link Call#PANELS} (classes / 32, width, 32)
   * @param work (capacity, width + classes), pooled features and logits
   * @param scores (3, capacity of the signal): top-1, margin, entropy
   * @param probabilities (capacity of the signal, classes); may be missing
   */
  static void exitHead(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray in,
      FloatArray weight,
      FloatArray bias,
      FloatArray work,
      FloatArray scores,
      IntArray predictions,
      FloatArray probabilities) {
    float[] best = c.allocateFloatLocalArray(ITEMS);
    int[] place = c.allocateIntLocalArray(ITEMS);
    int capacity = ints.get(0);
    int width = ints.get(2);
    int classes = ints.get(3);
    int signal = ints.get(4);
    int item = c.localIdy * 32 + c.localIdx;
    int i = c.groupIdx;
    int present = 1;
    if (i >= live.get(RowKernels.COUNT)) {
      // Goes on to the barriers with the others of its kind: PoCL cannot leave before one.
      present = 0;
      i = 0;
    }
    int features = i * (width + classes);
    int logits = features + width;
    if (present == 1) {
      int at = RowKernels.row(live, i) * live.get(RowKernels.POSITIONS) * width;
      int length = RowKernels.length(live, capacity, i);
      for (int j = item; j < width; j += ITEMS) {
        work.set(features + j, pooled(in, at, ints.get(1), length, width, j));
      }
    }
    c.globalBarrier();
    if (present == 1) {
      for (int k = item; k < classes; k += ITEMS) {
        float sum = 0.0f;
        for (int j = 0; j < width; j++) {
          int from = k * width + j;
          if ((ints.get(5) & Call.PANELS) != 0) {
            from = (k / 32 * width + j) * 32 + k % 32;
          }
          sum = work.get(features + j) * weight.get(from) + sum;
        }
        work.set(logits + k, sum + bias.get(k));
      }
    }
    c.globalBarrier();

    // The largest logit; NaN is none, the first of equals wins.
    float most = 0.0f;
    int chosen = -1;
    if (present == 1) {
      for (int k = item; k < classes; k += ITEMS) {
        float logit = work.get(logits + k);
        if (!Float.isNaN(logit)) {
          if (chosen < 0) {
            most = logit;
            chosen = k;
          } else if (logit > most) {
            most = logit;
            chosen = k;
          }
        }
      }
    }
    best[item] = most;
    place[item] = chosen;
    c.localBarrier();
    for (int step = ITEMS / 2; step > 0; step /= 2) {
      if (item < step) {
        int other = place[item + step];
        if (other >= 0) {
          int mine = place[item];
          float theirs = best[item + step];
          int better = 0;
          if (mine < 0) {
            better = 1;
          } else if (theirs > best[item]) {
            better = 1;
          } else if (theirs == best[item] && other < mine) {
            better = 1;
          }
          if (better == 1) {
            best[item] = theirs;
            place[item] = other;
          }
        }
      }
      c.localBarrier();
    }
    chosen = place[0];
    if (chosen < 0) {
      chosen = 0;
    }
    c.localBarrier();
    if (present == 1) {
      float top = work.get(logits + chosen); // NaN where all are
      if (item == 0) {
        float sum = 0.0f;
        float weighted = 0.0f;
        float second = 0.0f;
        for (int k = 0; k < classes; k++) {
          float d = work.get(logits + k) - top;
          float e = TornadoMath.exp(d);
          sum = sum + e;
          if (e != 0.0f) {
            weighted = d * e + weighted;
          }
          if (k != chosen) {
            if (e > second) {
              second = e;
            }
          }
        }
        // H = log(sum) - weighted / sum, since log p = d - log(sum)
        float entropy = 0.0f * sum;
        if (classes > 1) {
          float log = TornadoMath.log(sum) - weighted / sum;
          entropy = log / TornadoMath.log((float) classes);
        }
        float sureness = 1.0f - entropy; // NaN stays
        if (sureness < 0.0f) {
          sureness = 0.0f;
        }
        if (sureness > 1.0f) {
          sureness = 1.0f;
        }
        predictions.set(i, chosen);
        scores.set(i, 1.0f / sum);
        scores.set(signal + i, (1.0f - second) / sum);
        scores.set(2 * signal + i, sureness);
        work.set(features, sum);
      }
    }
    c.globalBarrier();
    if (present == 1) {
      // Operand 7 is missing where its bit is set.
      if ((ints.get(5) & 128) == 0) {
        float top = work.get(logits + chosen);
        float sum = work.get(features);
        for (int k = item; k < classes; k += ITEMS) {
          float d = work.get(logits + k) - top;
          probabilities.set(i * classes + k, TornadoMath.exp(d) / sum);
        }
      }
    }
  }
}
