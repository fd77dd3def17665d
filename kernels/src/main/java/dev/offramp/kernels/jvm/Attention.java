package dev.offramp.kernels.jvm;

import java.util.Arrays;

/**
 * Self-attention, one task for each head of each live row. Scores are computed for a tile of
 * queries at a time and never leave the first-level cache.
 */
final class Attention {
  private static final int KEYS = 0;
  private static final int VALUES = 1;
  private static final int SCORES = 2;
  private static final int RESULT = 3;
  private static final int[] IDENTITY = Gemm.identity(InnerLoops.TILE_ROWS);

  private final InnerLoops loops;
  private final int lanes;
  private final int panelWidth;
  private final float[] zeros; // (panelWidth)

  Attention(InnerLoops loops) {
    this.loops = loops;
    lanes = loops.lanes();
    panelWidth = loops.panelVectors() * lanes;
    zeros = new float[panelWidth];
  }

  Work work(JvmRows rows, int heads, int headSize, float[] qkv, float[] out) {
    Matrix queries = new Matrix(qkv, IDENTITY, 3 * heads * headSize);
    Matrix result = new Matrix(out, IDENTITY, heads * headSize);
    return Work.onRows(
        rows,
        heads,
        1,
        (from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            int row = i / heads;
            head(
                rows.firstToken(row),
                rows.length(row),
                heads,
                i % heads,
                headSize,
                queries,
                result,
                scratch);
          }
        },
        Work.Use.byRow(qkv, 3 * heads * headSize),
        Work.Use.byRow(out, heads * headSize));
  }

  private void head(
      int token,
      int length,
      int heads,
      int head,
      int headSize,
      Matrix queries,
      Matrix out,
      Scratch scratch) {
    float[] qkv = queries.data();
    int width = heads * headSize;
    int scoresWidth = loops.padded(length);
    int resultWidth = loops.padded(headSize);
    int query = token * 3 * width + head * headSize;
    float[] keys = scratch.floats(KEYS, headSize * scoresWidth);
    float[] values = scratch.floats(VALUES, length * resultWidth);
    packKeys(qkv, query + width, 3 * width, length, headSize, keys);
    packValues(qkv, query + 2 * width, 3 * width, length, headSize, values);

    Matrix scores = scratch.tile(SCORES, scoresWidth);
    // Full vectors go straight to their place, others would write into the next head's.
    boolean aside = resultWidth != headSize;
    Matrix result = aside ? scratch.tile(RESULT, resultWidth) : out;
    float scale = (float) (1 / Math.sqrt(headSize));
    int tiles = Math.ceilDiv(length, InnerLoops.TILE_ROWS);
    for (int tile = 0; tile < tiles; tile++) {
      int first = length * tile / tiles;
      int rows = length * (tile + 1) / tiles - first;
      int place = (token + first) * width + head * headSize;
      multiply(rows, headSize, queries, query + first * 3 * width, keys, scoresWidth, scores, 0);
      loops.softmax(scores.data(), rows, scoresWidth, length, scale);
      multiply(rows, length, scores, 0, values, resultWidth, result, aside ? 0 : place);
      if (aside) {
        for (int i = 0; i < rows; i++) {
          System.arraycopy(result.data(), i * resultWidth, out.data(), place + i * width, headSize);
        }
      }
    }
  }

  /** c = a b for one tile of rows, panel after panel of b, which is {@code width} wide. */
  private void multiply(
      int rows, int depth, Matrix a, int aColumn, float[] b, int width, Matrix c, int cColumn) {
    for (int panel = 0; panel < width; panel += panelWidth) {
      int step = Math.min(panelWidth, width - panel);
      int column = cColumn + panel;
      loops.tile(
          rows, step / lanes, depth, a, 0, aColumn, b, panel * depth, zeros, 0, c, 0, column);
    }
  }

  /** Transposes keys to panels [keys / panel][headSize][panel], padded with zeros. */
  private void packKeys(float[] qkv, int at, int stride, int length, int headSize, float[] packed) {
    int width = loops.padded(length);
    for (int panel = 0; panel < width; panel += panelWidth) {
      int step = Math.min(panelWidth, width - panel);
      for (int key = panel; key < panel + step; key += 4) {
        int to = panel * headSize + key - panel;
        int from = at + key * stride;
        if (key + 4 <= length) {
          packFourKeys(qkv, from, stride, headSize, packed, to, step);
        } else {
          for (int i = 0; i < 4; i++) {
            for (int d = 0; d < headSize; d++) {
              packed[to + i + d * step] = key + i < length ? qkv[from + i * stride + d] : 0;
            }
          }
        }
      }
    }
  }

  /** Four at once: a line of the panel is then written whole, which is three times as fast. */
  private static void packFourKeys(
      float[] qkv, int from, int stride, int headSize, float[] packed, int to, int step) {
    int from1 = from + stride;
    int from2 = from1 + stride;
    int from3 = from2 + stride;
    for (int d = 0; d < headSize; d++, to += step) {
      packed[to] = qkv[from + d];
      packed[to + 1] = qkv[from1 + d];
      packed[to + 2] = qkv[from2 + d];
      packed[to + 3] = qkv[from3 + d];
    }
  }

  /** Copies values to panels [headSize / panel][length][panel], padded with zeros. */
  private void packValues(
      float[] qkv, int at, int stride, int length, int headSize, float[] packed) {
    int width = loops.padded(headSize);
    for (int panel = 0; panel < width; panel += panelWidth) {
      int step = Math.min(panelWidth, width - panel);
      int valid = Math.min(step, headSize - panel);
      for (int position = 0; position < length; position++) {
        int to = panel * length + position * step;
        System.arraycopy(qkv, at + position * stride + panel, packed, to, valid);
        Arrays.fill(packed, to + valid, to + step, 0);
      }
    }
  }
}
