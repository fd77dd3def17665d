package dev.offramp.calibrate.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MasksTest {
  private static final int IGNORED = 255;

  private static Set<Integer> pixels(int size, IntPredicate member) {
    return IntStream.range(0, size).filter(member).boxed().collect(Collectors.toSet());
  }

  /** Mean IoU by sets of pixels. */
  private static double meanIou(int[] prediction, int[] label, int classes) {
    Set<Integer> counted = pixels(label.length, i -> label[i] != IGNORED);
    return IntStream.range(0, classes)
        .mapToObj(c -> {
          Set<Integer> in = pixels(label.length, i -> label[i] == c);
          Set<Integer> out = pixels(label.length, i -> prediction[i] == c && counted.contains(i));
          Set<Integer> union = pixels(label.length, i -> in.contains(i) || out.contains(i));
          in.retainAll(out);
          return union.isEmpty() ? Double.NaN : in.size() / (double) union.size();
        })
        .filter(iou -> !iou.isNaN())
        .mapToDouble(iou -> iou)
        .average()
        .orElse(1);
  }

  @Test
  void meanIouAgreesWithSets() {
    SplittableRandom random = new SplittableRandom(71);
    for (int trial = 0; trial < 500; trial++) {
      int classes = 1 + random.nextInt(6);
      int size = 1 + random.nextInt(40);
      double ignored = random.nextInt(3) / 2.0;
      int[] label =
          random
              .doubles(size)
              .mapToInt(u -> u < ignored ? IGNORED : random.nextInt(classes))
              .toArray();
      int[] early = random.ints(size, 0, classes).toArray();
      int[] full = random.ints(size, 0, classes).toArray();
      double e = meanIou(early, label, classes);
      double f = meanIou(full, label, classes);
      assertThat(Masks.meanIou(early, label, classes, IGNORED)).isCloseTo(e, within(1e-14));
      assertThat(Masks.meanIouGap(early, full, label, classes, IGNORED))
          .isCloseTo(f - e, within(1e-14));
    }
  }

  @Test
  void absentClassesDoNotCount() {
    int[] label = {0, 0, 1, 1};
    int[] prediction = {0, 0, 1, 0};
    // IoU of class 0 is 2/3, of class 1 is 1/2; there are 17 others.
    assertThat(Masks.meanIou(prediction, label, 19, IGNORED)).isCloseTo(7.0 / 12, within(1e-15));
    assertThat(Masks.meanIou(label, label, 19, IGNORED)).isOne();
    // A class that only the prediction has counts as 0.
    assertThat(Masks.meanIou(new int[] {0, 2}, new int[] {0, 0}, 19, IGNORED)).isEqualTo(0.25);
  }

  @Test
  void ignoredPixels() {
    int[] label = {0, IGNORED, -1, 1};
    assertThat(Masks.meanIou(new int[] {0, 7, 0, 1}, new int[] {0, -1, -1, 1}, 2, -1)).isOne();
    assertThatThrownBy(() -> Masks.meanIou(new int[] {0, 1, 1, 1}, label, 2, IGNORED))
        .isInstanceOf(CalibrationException.class)
        .hasMessage("class -1 of pixel 2 is none of the 2 classes, counted from 0");
    int[] nothing = {IGNORED, IGNORED};
    assertThat(Masks.meanIou(new int[] {0, 1}, nothing, 2, IGNORED)).isOne();
    assertThat(Masks.meanIouGap(new int[] {0, 1}, new int[] {1, 1}, nothing, 2, IGNORED)).isZero();
    float[][] p = {{1, 0}, {0, 1}};
    assertThat(Masks.brierGap(p, p, nothing, IGNORED)).isZero();
  }

  @Test
  void miscoverageIsTheFractionOfDifferingPixels() {
    assertThat(Masks.miscoverage(new int[] {3, 1, 2, 2}, new int[] {3, 1, 2, 0})).isEqualTo(0.25);
    SplittableRandom random = new SplittableRandom(72);
    int[] full = random.ints(1_000, 0, 5).toArray();
    int[] early = full.clone();
    IntStream.range(0, 100).forEach(i -> early[7 * i] = 9);
    assertThat(Masks.miscoverage(early, full)).isEqualTo(0.1);
    assertThat(Masks.miscoverage(full, full)).isZero();
  }

  @Test
  void pixelBrierIsTheMeanOverPixels() {
    SplittableRandom random = new SplittableRandom(73);
    for (int trial = 0; trial < 100; trial++) {
      int size = 1 + random.nextInt(20);
      float[][] early = new float[size][];
      float[][] full = new float[size][];
      int[] label = new int[size];
      double[] sums = new double[3];
      int counted = 0;
      for (int i = 0; i < size; i++) {
        float e = (float) random.nextDouble();
        float f = (float) random.nextDouble();
        early[i] = new float[] {e, 1 - e};
        full[i] = new float[] {f, 1 - f};
        label[i] = random.nextInt(3) == 0 ? IGNORED : random.nextInt(2);
        // With two classes S(p, y) = 2 (1 - p_y)^2.
        if (label[i] != IGNORED) {
          sums[0] +=
              2 * Math.pow(1 - early[i][label[i]], 2) - 2 * Math.pow(1 - full[i][label[i]], 2);
          counted++;
        }
        sums[1] += 2 * Math.pow(e - f, 2);
        int top = f >= 0.5 ? 0 : 1;
        sums[2] += 2 * Math.pow(1 - early[i][top], 2) - 2 * Math.pow(1 - full[i][top], 2);
      }
      assertThat(Masks.brierGap(early, full, label, IGNORED))
          .isCloseTo(counted == 0 ? 0 : sums[0] / counted, within(1e-6));
      assertThat(Masks.brierConsistency(early, full)).isCloseTo(sums[1] / size, within(1e-6));
      assertThat(Masks.topBrierConsistency(early, full)).isCloseTo(sums[2] / size, within(1e-6));
    }
  }

  @Test
  void badInput() {
    int[] none = {};
    int[] one = {0};
    int[] two = {0, 1};
    assertThatThrownBy(() -> Masks.miscoverage(none, none))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("without pixels");
    assertThatThrownBy(() -> Masks.miscoverage(one, two))
        .isInstanceOf(CalibrationException.class)
        .hasMessage("masks of 1 and 2 pixels cannot be compared");
    assertThatThrownBy(() -> Masks.meanIou(two, one, 2, IGNORED))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Masks.meanIou(two, two, 1, IGNORED))
        .isInstanceOf(CalibrationException.class);
    float[][] p = {{1, 0}};
    assertThatThrownBy(() -> Masks.brierGap(p, p, two, IGNORED))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Masks.brierGap(p, new float[][] {{Float.NaN, 1}}, one, IGNORED))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Masks.brierConsistency(p, new float[2][2]))
        .isInstanceOf(CalibrationException.class);
  }
}
