package dev.offramp.kernels.jvm;

/** Operations on each valid position by itself. */
final class Positionwise {
  /** Positions that make waking another thread worth while. */
  private static final int GRAIN = 8;

  private final InnerLoops loops;

  Positionwise(InnerLoops loops) {
    this.loops = loops;
  }

  /** Arrays of a layer normalization. */
  record Norm(float[] gamma, float[] beta, float epsilon) {
    int width() {
      return gamma.length;
    }
  }

  Work layerNorm(JvmRows rows, Norm norm, float[] in, float[] out) {
    int width = norm.width();
    int[] tokens = rows.tokens();
    return Work.onTokens(
        rows,
        GRAIN,
        (from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            normalize(norm, in, tokens[i] * width, out);
          }
        },
        Work.Use.byRow(in, width),
        Work.Use.byRow(out, width),
        Work.Use.common(norm.gamma),
        Work.Use.common(norm.beta));
  }

  /** Sums words, positions and type 0 for each position, then normalizes. */
  Work embed(
      JvmRows rows,
      float[] words,
      float[] positions,
      float[] types,
      Norm norm,
      int[] ids,
      float[] out) {
    int width = norm.width();
    int vocabulary = words.length / width;
    int stride = rows.positions();
    int[] tokens = rows.tokens();
    return Work.onTokens(
        rows,
        GRAIN,
        (from, to, scratch) -> {
          for (int i = from; i < to; i++) {
            int token = tokens[i];
            int id = ids[token];
            if (id < 0 || id >= vocabulary) {
              throw new IllegalArgumentException(
                  "embed: id %d at row %d, position %d is outside the vocabulary of %d"
                      .formatted(id, token / stride, token % stride, vocabulary));
            }
            int at = token * width;
            int word = id * width;
            int position = token % stride * width;
            for (int j = 0; j < width; j++) {
              out[at + j] = words[word + j] + positions[position + j] + types[j];
            }
            normalize(norm, out, at, out);
          }
        },
        Work.Use.byRow(ids, 1),
        Work.Use.byRow(out, width),
        Work.Use.common(words),
        Work.Use.common(positions),
        Work.Use.common(types),
        Work.Use.common(norm.gamma),
        Work.Use.common(norm.beta));
  }

  private void normalize(Norm norm, float[] in, int at, float[] out) {
    loops.normalize(in, at, norm.gamma, norm.beta, norm.epsilon, out, at, norm.width());
  }
}
