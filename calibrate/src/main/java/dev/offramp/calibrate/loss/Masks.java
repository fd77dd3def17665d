package dev.offramp.calibrate.loss;

import dev.offramp.calibrate.CalibrationException;
import java.util.function.IntToDoubleFunction;

/**
 * Losses of segmentations, one number for an image. A mask gives the class of each of an image's
 * pixels, in any order that is the same for all arguments. Masks without pixels or of two sizes,
 * and classes that do not exist, throw a {@link CalibrationException}.
 */
public final class Masks {
  private Masks() {}

  /**
   * 1 - the fraction of pixels to which early and full give the same class, in [0, 1]. Needs no
   * labels.
   */
  public static double miscoverage(int[] early, int[] full) {
    checkPixels(early.length, full.length);
    int different = 0;
    for (int i = 0; i < early.length; i++) {
      different += early[i] != full[i] ? 1 : 0;
    }
    return (double) different / early.length;
  }

  /**
   * Mean over the classes present in prediction or label of intersection / union, in [0, 1]. Pixels
   * with the ignored label count for nothing; where no pixel is left it is 1: nothing is wrong.
   *
   * @param prediction classes in 0..classes-1, where the label is not the ignored one
   * @param label classes in 0..classes-1, or the ignored one
   * @param ignored the label of pixels that do not count, such as 255 or -1
   */
  public static double meanIou(int[] prediction, int[] label, int classes, int ignored) {
    checkPixels(prediction.length, label.length);
    int[] intersection = new int[classes];
    int[] predicted = new int[classes];
    int[] labelled = new int[classes];
    for (int i = 0; i < label.length; i++) {
      if (label[i] != ignored) {
        checkClass(prediction[i], i, classes);
        checkClass(label[i], i, classes);
        predicted[prediction[i]]++;
        labelled[label[i]]++;
        intersection[label[i]] += prediction[i] == label[i] ? 1 : 0;
      }
    }
    double sum = 0;
    int present = 0;
    for (int c = 0; c < classes; c++) {
      int union = predicted[c] + labelled[c] - intersection[c];
      if (union > 0) {
        sum += (double) intersection[c] / union;
        present++;
      }
    }
    return present == 0 ? 1 : sum / present;
  }

  /** Mean IoU of full minus that of early, in [-1, 1]. Arguments as in {@link #meanIou}. */
  public static double meanIouGap(int[] early, int[] full, int[] label, int classes, int ignored) {
    return meanIou(full, label, classes, ignored) - meanIou(early, label, classes, ignored);
  }

  /**
   * Mean of {@link Distributions#brierGap(float[], float[], int)} over the pixels whose label is
   * not the ignored one, in [-2, 2]; 0 where no pixel is left.
   *
   * @param early shape [pixels][classes]
   * @param full shape [pixels][classes]
   * @param label class of each pixel, or the ignored one
   */
  public static double brierGap(float[][] early, float[][] full, int[] label, int ignored) {
    checkPixels(early.length, full.length);
    checkPixels(early.length, label.length);
    double sum = 0;
    int counted = 0;
    for (int i = 0; i < label.length; i++) {
      if (label[i] != ignored) {
        sum += Distributions.brierGap(early[i], full[i], label[i]);
        counted++;
      }
    }
    return counted == 0 ? 0 : sum / counted;
  }

  /**
   * Mean of {@link Distributions#brierConsistency(float[], float[])} over the pixels, in [0, 2].
   * Needs no labels; leave pixels that should not count out of both arrays.
   *
   * @param early shape [pixels][classes]
   * @param full shape [pixels][classes]
   */
  public static double brierConsistency(float[][] early, float[][] full) {
    checkPixels(early.length, full.length);
    return mean(early.length, i -> Distributions.brierConsistency(early[i], full[i]));
  }

  /**
   * Mean of {@link Distributions#topBrierConsistency(float[], float[])} over the pixels, in [-2,
   * 2]. Needs no labels; leave pixels that should not count out of both arrays.
   *
   * @param early shape [pixels][classes]
   * @param full shape [pixels][classes]
   */
  public static double topBrierConsistency(float[][] early, float[][] full) {
    checkPixels(early.length, full.length);
    return mean(early.length, i -> Distributions.topBrierConsistency(early[i], full[i]));
  }

  private static double mean(int pixels, IntToDoubleFunction loss) {
    double sum = 0;
    for (int i = 0; i < pixels; i++) {
      sum += loss.applyAsDouble(i);
    }
    return sum / pixels;
  }

  private static void checkPixels(int first, int second) {
    if (first == 0) {
      throw new CalibrationException("a mask without pixels has no loss; leave the image out");
    }
    if (first != second) {
      throw new CalibrationException(
          "masks of %d and %d pixels cannot be compared".formatted(first, second));
    }
  }

  private static void checkClass(int value, int pixel, int classes) {
    if (value < 0 || value >= classes) {
      throw new CalibrationException(
          "class %d of pixel %d is none of the %d classes, counted from 0"
              .formatted(value, pixel, classes));
    }
  }
}
