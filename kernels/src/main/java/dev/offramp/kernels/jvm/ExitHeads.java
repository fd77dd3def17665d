package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.jvm.Workers.RangeTask;
import java.util.ArrayList;
import java.util.List;

/** Pools rows, maps them to logits and scores these. */
final class ExitHeads {
  /** Rows a task pools before it multiplies, so that a panel of weights serves them all. */
  private static final int ROWS = 24;

  // Slot 0 is the GEMM's own.
  private static final int POOLED = 1;
  private static final int LOGITS = 2;
  private static final int[] IDENTITY = Gemm.identity(ROWS);

  private final Gemm gemm;

  ExitHeads(Gemm gemm) {
    this.gemm = gemm;
  }

  /**
   * Where the verdicts go, entry i for the i-th live row.
   *
   * @param scores [3, capacity], a line for each {@link Confidence}
   * @param probabilities [capacity, classes], or null
   */
  record Verdicts(float[] scores, int[] predictions, float[] probabilities) {
    int capacity() {
      return predictions.length;
    }
  }

  Work work(JvmRows rows, Pooling pooling, JvmLinear head, float[] in, Verdicts verdicts) {
    List<Work.Use> uses = new ArrayList<>();
    uses.add(Work.Use.byRow(in, head.inputs()));
    uses.add(new Work.Use(verdicts.scores, Work.Layout.LINES, verdicts.capacity()));
    uses.add(new Work.Use(verdicts.predictions, Work.Layout.BY_ORDER, 1));
    if (verdicts.probabilities != null) {
      uses.add(new Work.Use(verdicts.probabilities, Work.Layout.BY_ORDER, head.outputs()));
    }
    RangeTask task =
        (from, to, scratch) -> {
          for (int first = from; first < to; first += ROWS) {
            int count = Math.min(ROWS, to - first);
            judge(rows, first, count, pooling, head, in, verdicts, scratch);
          }
        };
    return new Work(
        rows,
        workers -> {
          int share = Math.clamp(rows.count() / (2L * workers.threads()), 1, ROWS);
          workers.run(
              Math.ceilDiv(rows.count(), share),
              (i, scratch) ->
                  task.run(i * share, Math.min((i + 1) * share, rows.count()), scratch));
        },
        (block, scratch) -> task.run(block.fromRow(), block.toRow(), scratch),
        uses);
  }

  /** Judges {@code count} live rows, up to {@link #ROWS}, from {@code first} on. */
  private void judge(
      JvmRows rows,
      int first,
      int count,
      Pooling pooling,
      JvmLinear head,
      float[] in,
      Verdicts verdicts,
      Scratch scratch) {
    int width = head.inputs();
    int classes = head.outputs();
    Matrix pooled = new Matrix(scratch.floats(POOLED, ROWS * width), IDENTITY, width);
    Matrix logits = new Matrix(scratch.floats(LOGITS, ROWS * classes), IDENTITY, classes);
    for (int i = 0; i < count; i++) {
      Pool.row(rows, first + i, pooling, width, in, pooled.data(), i * width);
    }
    gemm.range(new Gemm.Product(head, pooled, Epilogue.BIAS, null, logits), 0, count, scratch);
    for (int i = 0; i < count; i++) {
      judge(logits.data(), i * classes, classes, verdicts, first + i);
    }
  }

  /**
   * Softmax and scores, in double. A NaN among the logits makes all scores NaN; the prediction is
   * then the largest of the others, or 0.
   */
  private static void judge(float[] logits, int at, int classes, Verdicts verdicts, int i) {
    int best = 0;
    for (int c = 1; c < classes; c++) {
      float logit = logits[at + c];
      if (logit > logits[at + best] || (Float.isNaN(logits[at + best]) && !Float.isNaN(logit))) {
        best = c;
      }
    }
    double max = logits[at + best];
    double sum = 0;
    double second = 0;
    double weighted = 0;
    for (int c = 0; c < classes; c++) {
      double d = logits[at + c] - max;
      double e = Math.exp(d);
      sum += e;
      weighted += e == 0 ? 0 : d * e;
      if (c != best) {
        second = Math.max(second, e);
      }
    }
    // H = log(sum) - weighted / sum, since log p = d - log(sum)
    double entropy = classes == 1 ? 0 * sum : (Math.log(sum) - weighted / sum) / Math.log(classes);

    int capacity = verdicts.capacity();
    verdicts.predictions[i] = best;
    verdicts.scores[Confidence.TOP1.ordinal() * capacity + i] = (float) (1 / sum);
    verdicts.scores[Confidence.MARGIN.ordinal() * capacity + i] = (float) ((1 - second) / sum);
    verdicts.scores[Confidence.ENTROPY.ordinal() * capacity + i] =
        (float) Math.clamp(1 - entropy, 0.0, 1.0);
    if (verdicts.probabilities != null) {
      for (int c = 0; c < classes; c++) {
        verdicts.probabilities[i * classes + c] = (float) (Math.exp(logits[at + c] - max) / sum);
      }
    }
  }
}
