package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Pooling;

/** Pools the valid positions of a row to one vector. */
final class Pool {
  private static final int GRAIN = 4;

  private Pool() {}

  static Work work(JvmRows rows, Pooling pooling, int width, float[] in, float[] out) {
    return Work.onRows(
        rows,
        1,
        GRAIN,
        (from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            row(rows, i, pooling, width, in, out, i * width);
          }
        },
        Work.Use.byRow(in, width),
        new Work.Use(out, Work.Layout.BY_ORDER, width));
  }

  /** Pools the i-th live row to {@code out} from {@code at} on. */
  static void row(
      JvmRows rows, int i, Pooling pooling, int width, float[] in, float[] out, int at) {
    int first = rows.firstToken(i) * width;
    int length = rows.length(i);
    System.arraycopy(in, first, out, at, width);
    switch (pooling) {
      case FIRST -> {}
      case MEAN -> {
        for (int p = 1; p < length; p++) {
          int position = first + p * width;
          for (int j = 0; j < width; j++) {
            out[at + j] += in[position + j];
          }
        }
        for (int j = 0; j < width; j++) {
          out[at + j] /= length;
        }
      }
      case MAX -> {
        for (int p = 1; p < length; p++) {
          int position = first + p * width;
          for (int j = 0; j < width; j++) {
            out[at + j] = Math.max(out[at + j], in[position + j]);
          }
        }
      }
    }
  }
}
