package dev.offramp.calibrate.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DistributionsTest {
  private static double[] distribution(SplittableRandom random, int classes) {
    double[] p = random.doubles(classes).map(u -> u < 0.2 ? 0 : Math.pow(u, 8)).toArray();
    p[random.nextInt(classes)] += 0.01;
    double sum = Arrays.stream(p).sum();
    return Arrays.stream(p).map(v -> v / sum).toArray();
  }

  private static float[] narrow(double[] p) {
    float[] f = new float[p.length];
    IntStream.range(0, p.length).forEach(c -> f[c] = (float) p[c]);
    return f;
  }

  /** 1 - 2 p_y + sum p^2, the Brier score multiplied out. */
  private static double brier(double[] p, int label) {
    return 1 - 2 * p[label] + Arrays.stream(p).map(v -> v * v).sum();
  }

  @Test
  void agreeWithOtherForms() {
    SplittableRandom random = new SplittableRandom(41);
    for (int trial = 0; trial < 500; trial++) {
      int classes = 2 + random.nextInt(20);
      double[] early = distribution(random, classes);
      double[] full = distribution(random, classes);
      int label = random.nextInt(classes);
      double gap = brier(early, label) - brier(full, label);
      assertThat(Distributions.brierScore(early, label))
          .isCloseTo(brier(early, label), within(1e-12));
      assertThat(Distributions.brierGap(early, full, label)).isCloseTo(gap, within(1e-12));
      // The consistency is the gap, expected over labels drawn from the full model.
      double expected =
          IntStream.range(0, classes)
              .mapToDouble(y -> full[y] * (brier(early, y) - brier(full, y)))
              .sum();
      assertThat(Distributions.brierConsistency(early, full))
          .isCloseTo(expected, within(1e-12))
          .isBetween(0.0, 2.0);
      int top =
          IntStream.range(0, classes)
              .boxed()
              .max((a, b) -> full[a] != full[b] ? Double.compare(full[a], full[b]) : b - a)
              .orElseThrow();
      assertThat(Distributions.topBrierConsistency(early, full))
          .isCloseTo(brier(early, top) - brier(full, top), within(1e-12));
      // The distance by the Bhattacharyya coefficient.
      double coefficient =
          IntStream.range(0, classes).mapToDouble(c -> Math.sqrt(early[c] * full[c])).sum();
      assertThat(Math.pow(Distributions.hellinger(early, full), 2))
          .isCloseTo(1 - coefficient, within(1e-12));
      assertSinglePrecisionAgrees(early, full, label);
    }
  }

  private static void assertSinglePrecisionAgrees(double[] early, double[] full, int label) {
    float[] e = narrow(early);
    float[] f = narrow(full);
    assertThat(Distributions.brierScore(e, label))
        .isCloseTo(Distributions.brierScore(early, label), within(1e-6));
    assertThat(Distributions.brierGap(e, f, label))
        .isCloseTo(Distributions.brierGap(early, full, label), within(1e-6));
    assertThat(Distributions.brierConsistency(e, f))
        .isCloseTo(Distributions.brierConsistency(early, full), within(1e-6));
    assertThat(Distributions.topBrierConsistency(e, f))
        .isCloseTo(Distributions.topBrierConsistency(early, full), within(1e-6));
    assertThat(Distributions.hellinger(e, f))
        .isCloseTo(Distributions.hellinger(early, full), within(1e-5));
  }

  @Test
  void reachTheirBounds() {
    double[] first = {1, 0};
    double[] second = {0, 1};
    assertThat(Distributions.brierScore(first, 0)).isZero();
    assertThat(Distributions.brierScore(first, 1)).isEqualTo(2);
    assertThat(Distributions.brierGap(first, second, 1)).isEqualTo(2);
    assertThat(Distributions.brierGap(first, second, 0)).isEqualTo(-2);
    assertThat(Distributions.brierConsistency(first, second)).isEqualTo(2);
    assertThat(Distributions.topBrierConsistency(first, second)).isEqualTo(2);
    assertThat(Distributions.hellinger(first, second)).isOne();
  }

  @Test
  void sumsOffByTheToleranceStayWithinTheBounds() {
    double[] first = {1.0009, 0};
    double[] second = {0, 0.9991};
    assertThat(Distributions.brierConsistency(first, second)).isEqualTo(2);
    assertThat(Distributions.brierGap(first, second, 1)).isEqualTo(2);
    assertThat(Distributions.hellinger(first, second)).isOne();
    SplittableRandom random = new SplittableRandom(42);
    for (int trial = 0; trial < 1_000; trial++) {
      double[] p = distribution(random, 7);
      double off = random.nextDouble(0.9991, 1.0009);
      double[] scaled = Arrays.stream(p).map(v -> v * off).toArray();
      assertThat(Distributions.brierConsistency(scaled, p)).isCloseTo(0, within(1e-25));
      assertThat(Distributions.hellinger(scaled, p)).isCloseTo(0, within(1e-7));
    }
  }

  @Test
  void theFirstOfEqualProbabilitiesIsTheTopPrediction() {
    double[] tie = {0.5, 0.5};
    assertThat(Distributions.topBrierConsistency(new double[] {0, 1}, tie)).isEqualTo(1.5);
  }

  @Test
  void badInput() {
    double[] good = {0.5, 0.5};
    for (double[] bad :
        new double[][] {
          {Double.NaN, 1}, {-0.1, 1.1}, {0.5, 0.4}, {1, 1}, {Double.POSITIVE_INFINITY, 0}
        }) {
      assertRefused(() -> Distributions.brierScore(bad, 0));
      assertRefused(() -> Distributions.brierGap(good, bad, 0));
      assertRefused(() -> Distributions.brierConsistency(bad, good));
      assertRefused(() -> Distributions.topBrierConsistency(good, bad));
      assertRefused(() -> Distributions.hellinger(narrow(bad), narrow(good)));
    }
    assertRefused(() -> Distributions.brierScore(good, 2));
    assertRefused(() -> Distributions.brierScore(good, -1));
    assertRefused(() -> Distributions.brierConsistency(good, new double[] {1}));
    assertRefused(() -> Distributions.hellinger(new double[0], new double[0]));
    assertThatThrownBy(() -> Distributions.brierScore(new double[] {3, -2}, 0))
        .hasMessage("probability -2.0 of class 1 is not a number of at least 0");
    assertThatThrownBy(() -> Distributions.brierScore(new double[] {3, 2}, 0))
        .hasMessage("probabilities of 2 classes have the sum 5.0, not 1; apply a softmax");
  }

  private static void assertRefused(Runnable loss) {
    assertThatThrownBy(loss::run).isInstanceOf(CalibrationException.class);
  }
}
