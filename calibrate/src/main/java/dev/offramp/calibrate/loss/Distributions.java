package dev.offramp.calibrate.loss;

import dev.offramp.calibrate.CalibrationException;

/**
 * Losses between class distributions, as arrays of C probabilities.
 *
 * <p>A distribution is an array of numbers of at least 0 whose sum is 1 within {@value #TOLERANCE},
 * which a softmax in 16-bit arithmetic keeps; it is divided by its sum, so that no rounding can
 * push a loss beyond its bound. NaN, a negative probability, another sum, two lengths or a label
 * outside 0..C-1 throw a {@link CalibrationException}.
 */
public final class Distributions {
  /** How far the sum of a distribution may be from 1. */
  public static final double TOLERANCE = 1e-3;

  private Distributions() {}

  /** Brier score sum_c (p_c - 1{c = label})^2, in [0, 2]: Brier, 1950. */
  public static double brierScore(double[] p, int label) {
    double[] distribution = normalised(p);
    if (label < 0 || label >= p.length) {
      throw new CalibrationException(
          "label %d is none of the %d classes, counted from 0".formatted(label, p.length));
    }
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      double difference = distribution[c] - (c == label ? 1 : 0);
      sum += difference * difference;
    }
    return Math.min(sum, 2);
  }

  /** {@link #brierScore(double[], int)} for single precision. */
  public static double brierScore(float[] p, int label) {
    return brierScore(widened(p), label);
  }

  /** Brier score of early minus that of full, in [-2, 2]. */
  public static double brierGap(double[] early, double[] full, int label) {
    checkLengths(early.length, full.length);
    return brierScore(early, label) - brierScore(full, label);
  }

  /** {@link #brierGap(double[], double[], int)} for single precision. */
  public static double brierGap(float[] early, float[] full, int label) {
    return brierGap(widened(early), widened(full), label);
  }

  /**
   * Brier gap, expected over labels drawn from the full model's distribution: sum_c (early_c -
   * full_c)^2, in [0, 2].
   */
  public static double brierConsistency(double[] early, double[] full) {
    checkLengths(early.length, full.length);
    double[] e = normalised(early);
    double[] f = normalised(full);
    double sum = 0;
    for (int c = 0; c < e.length; c++) {
      sum += (e[c] - f[c]) * (e[c] - f[c]);
    }
    return Math.min(sum, 2);
  }

  /** {@link #brierConsistency(double[], double[])} for single precision. */
  public static double brierConsistency(float[] early, float[] full) {
    return brierConsistency(widened(early), widened(full));
  }

  /**
   * Brier gap with the full model's most probable class as the label (the first of equals), in [-2,
   * 2].
   */
  public static double topBrierConsistency(double[] early, double[] full) {
    int top = 0;
    for (int c = 1; c < full.length; c++) {
      if (full[c] > full[top]) {
        top = c;
      }
    }
    return brierGap(early, full, top);
  }

  /** {@link #topBrierConsistency(double[], double[])} for single precision. */
  public static double topBrierConsistency(float[] early, float[] full) {
    return topBrierConsistency(widened(early), widened(full));
  }

  /**
   * Hellinger distance sqrt(sum_c (sqrt(early_c) - sqrt(full_c))^2 / 2), in [0, 1]; 1 where no
   * class is possible under both.
   */
  public static double hellinger(double[] early, double[] full) {
    checkLengths(early.length, full.length);
    double[] e = normalised(early);
    double[] f = normalised(full);
    double sum = 0;
    for (int c = 0; c < e.length; c++) {
      double difference = Math.sqrt(e[c]) - Math.sqrt(f[c]);
      sum += difference * difference;
    }
    return Math.min(Math.sqrt(sum / 2), 1);
  }

  /** {@link #hellinger(double[], double[])} for single precision. */
  public static double hellinger(float[] early, float[] full) {
    return hellinger(widened(early), widened(full));
  }

  private static void checkLengths(int early, int full) {
    if (early != full) {
      throw new CalibrationException(
          "distributions over %d and %d classes cannot be compared".formatted(early, full));
    }
  }

  private static double[] normalised(double[] p) {
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      if (!(p[c] >= 0)) {
        throw new CalibrationException(
            "probability %s of class %d is not a number of at least 0".formatted(p[c], c));
      }
      sum += p[c];
    }
    if (!(Math.abs(sum - 1) <= TOLERANCE)) {
      throw new CalibrationException(
          "probabilities of %d classes have the sum %s, not 1; apply a softmax"
              .formatted(p.length, sum));
    }
    double[] distribution = new double[p.length];
    for (int c = 0; c < p.length; c++) {
      distribution[c] = p[c] / sum;
    }
    return distribution;
  }

  private static double[] widened(float[] p) {
    double[] wide = new double[p.length];
    for (int c = 0; c < p.length; c++) {
      wide[c] = p[c];
    }
    return wide;
  }
}
