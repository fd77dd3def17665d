package dev.offramp.runtime.attach;

import java.util.Arrays;

/**
 * Mean cross-entropy of a linear softmax classifier towards target distributions, plus L2 on the
 * weights, with its gradient. Parameters are one flat vector of shape [classes][d]; the last of the
 * d features is the constant 1, so that the last column is the bias, which L2 leaves alone.
 *
 * <p>Holds scratch space: one thread at a time.
 */
final class SoftmaxObjective implements Lbfgs.Objective {
  private static final int BLOCK = 128;

  private final float[][] features; // (n, d)
  private final float[][] targets; // (n, classes)
  private final int width; // d
  private final int classes;
  private final double l2;

  private final float[][] weight; // (classes, d)
  private final float[][] slope; // (classes, d)
  private final float[][] columns; // (d, BLOCK): a block of features, transposed
  private final float[][] scores; // (classes, BLOCK): logits, later probability minus target

  SoftmaxObjective(float[][] features, float[][] targets, double l2) {
    this.features = features;
    this.targets = targets;
    this.l2 = l2;
    width = features[0].length;
    classes = targets[0].length;
    weight = new float[classes][width];
    slope = new float[classes][width];
    columns = new float[width][BLOCK];
    scores = new float[classes][BLOCK];
  }

  int parameters() {
    return classes * width;
  }

  @Override
  public double evaluate(float[] parameters, float[] gradient) {
    load(parameters);
    for (float[] row : slope) {
      Arrays.fill(row, 0);
    }
    double loss = 0;
    for (int start = 0; start < features.length; start += BLOCK) {
      int rows = Math.min(BLOCK, features.length - start);
      score(start, rows);
      loss += crossEntropy(start, rows);
      if (gradient != null) {
        addSlope(start, rows);
      }
    }
    double penalty = 0;
    for (int c = 0; c < classes; c++) {
      for (int j = 0; j < width; j++) {
        float w = j < width - 1 ? weight[c][j] : 0;
        penalty += (double) w * w;
        if (gradient != null) {
          gradient[c * width + j] = (float) (slope[c][j] / features.length + l2 * w);
        }
      }
    }
    return loss / features.length + l2 / 2 * penalty;
  }

  /** Logits of every sample; shape [n][classes]. */
  float[][] logits(float[] parameters) {
    load(parameters);
    float[][] logits = new float[features.length][classes];
    for (int start = 0; start < features.length; start += BLOCK) {
      int rows = Math.min(BLOCK, features.length - start);
      score(start, rows);
      for (int i = 0; i < rows; i++) {
        for (int c = 0; c < classes; c++) {
          logits[start + i][c] = scores[c][i];
        }
      }
    }
    return logits;
  }

  private void load(float[] parameters) {
    for (int c = 0; c < classes; c++) {
      System.arraycopy(parameters, c * width, weight[c], 0, width);
    }
  }

  /** scores = weight x block of features. */
  private void score(int start, int rows) {
    for (int i = 0; i < rows; i++) {
      float[] row = features[start + i];
      for (int j = 0; j < width; j++) {
        columns[j][i] = row[j];
      }
    }
    for (int c = 0; c < classes; c++) {
      Arrays.fill(scores[c], 0);
      addProduct(weight[c], columns, 0, width, scores[c], rows);
    }
  }

  /** slope += scores x block of features. */
  private void addSlope(int start, int rows) {
    for (int c = 0; c < classes; c++) {
      addProduct(scores[c], features, start, rows, slope[c], width);
    }
  }

  /** sum[k] += factors[r] * rows[first + r][k] for r below count and k below length. */
  private static void addProduct(
      float[] factors, float[][] rows, int first, int count, float[] sum, int length) {
    int r = 0;
    for (; r + 4 <= count; r += 4) {
      int at = first + r;
      addFour(
          factors[r],
          rows[at],
          factors[r + 1],
          rows[at + 1],
          factors[r + 2],
          rows[at + 2],
          factors[r + 3],
          rows[at + 3],
          sum,
          length);
    }
    for (; r < count; r++) {
      float factor = factors[r];
      float[] row = rows[first + r];
      for (int k = 0; k < length; k++) {
        sum[k] += factor * row[k];
      }
    }
  }

  // The hot loop. Arrays of their own, all at the same index, are what the compiler vectorises;
  // with offsets into one array it must assume overlap.
  private static void addFour(
      float f0,
      float[] r0,
      float f1,
      float[] r1,
      float f2,
      float[] r2,
      float f3,
      float[] r3,
      float[] sum,
      int length) {
    for (int k = 0; k < length; k++) {
      sum[k] += f0 * r0[k] + f1 * r1[k] + f2 * r2[k] + f3 * r3[k];
    }
  }

  /** Sum of the block's cross-entropies; leaves probability minus target in the scores. */
  private double crossEntropy(int start, int rows) {
    double loss = 0;
    for (int i = 0; i < rows; i++) {
      float max = Float.NEGATIVE_INFINITY;
      for (int c = 0; c < classes; c++) {
        max = Math.max(max, scores[c][i]);
      }
      double sum = 0;
      for (int c = 0; c < classes; c++) {
        sum += Math.exp(scores[c][i] - max);
      }
      double logSum = max + Math.log(sum);
      float[] target = targets[start + i];
      for (int c = 0; c < classes; c++) {
        double logProbability = scores[c][i] - logSum;
        loss -= target[c] * logProbability;
        scores[c][i] = (float) Math.exp(logProbability) - target[c];
      }
    }
    return loss;
  }
}
