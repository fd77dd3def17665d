package dev.offramp.runtime.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.runtime.attach.SoftmaxRegression.Options;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SoftmaxRegressionTest {
  /**
   * Samples around class centres; features with an offset and scale of their own, one constant.
   *
   * @param features shape [n][width]
   */
  private record Problem(float[] features, int width, int[] labels, int classes) {
    static Problem make(int samples, int width, int classes, double noise, long seed) {
      Random random = new Random(seed);
      double[][] centres = new double[classes][width];
      for (double[] centre : centres) {
        for (int j = 0; j < width; j++) {
          centre[j] = random.nextGaussian();
        }
      }
      float[] features = new float[samples * width];
      int[] labels = new int[samples];
      for (int i = 0; i < samples; i++) {
        labels[i] = i % classes;
        for (int j = 0; j < width; j++) {
          double x = centres[labels[i]][j] + noise * random.nextGaussian();
          features[i * width + j] = j == width - 1 ? 7 : (float) (x * (1 + j) + 10 * j);
        }
      }
      return new Problem(features, width, labels, classes);
    }

    Targets targets() {
      return Targets.ofLabels(labels, classes);
    }

    double accuracy(TrainedHead head) {
      long right =
          IntStream.range(0, labels.length)
              .filter(i -> Targets.argMax(logits(head, i)) == labels[i])
              .count();
      return right / (double) labels.length;
    }

    /** Applies a head to raw features, as a device would. */
    float[] logits(TrainedHead head, int sample) {
      float[] logits = new float[classes];
      for (int c = 0; c < classes; c++) {
        double sum = head.bias()[c];
        for (int j = 0; j < width; j++) {
          sum += (double) head.weight()[c][j] * features[sample * width + j];
        }
        logits[c] = (float) sum;
      }
      return logits;
    }
  }

  @Test
  void recoversASeparableProblemFromRawFeatures() {
    Problem problem = Problem.make(600, 20, 5, 0.3, 1);
    TrainedHead head =
        SoftmaxRegression.fit(problem.features, problem.width, problem.targets(), Options.of(1));
    assertThat(problem.accuracy(head)).isGreaterThan(0.995);
    assertThat(head.validationAgreement()).isGreaterThan(0.98);
    assertThat(head.validationLoss()).isLessThan(0.1);
    for (float[] row : head.weight()) {
      assertThat(row[problem.width - 1]).as("weight of the constant feature").isZero();
    }
  }

  /** Each tells the classes apart, but by no more than what devices round differently. */
  @ParameterizedTest
  @CsvSource({"8, 1e-5", "0, 1e-9", "1e-33, 1e-33"})
  void whatHardlyVariesIsNotLearnt(float offset, float size) {
    Problem problem = Problem.make(600, 6, 3, 2, 1);
    int last = problem.width - 1;
    for (int i = 0; i < 600; i++) {
      problem.features[i * problem.width + last] = offset + size * problem.labels[i];
    }
    TrainedHead head =
        SoftmaxRegression.fit(problem.features, problem.width, problem.targets(), Options.of(1));
    for (float[] row : head.weight()) {
      assertThat(row[last]).isZero();
      assertThat(row[0]).isNotZero();
    }
  }

  @Test
  void heldOutLossIsThatOfTheFoldedHead() {
    // Everything but the fitting itself: standardisation and temperature folded in correctly means
    // that the folded head on raw features has about the loss reported for the held-out part.
    Problem problem = Problem.make(4000, 12, 4, 2.5, 2);
    TrainedHead head =
        SoftmaxRegression.fit(
            problem.features, problem.width, problem.targets(), new Options(1e-3, 0.5, 100, 10, 3));
    float[][] logits =
        IntStream.range(0, 4000).mapToObj(i -> problem.logits(head, i)).toArray(float[][]::new);
    double loss = Temperature.crossEntropy(logits, problem.targets().distribution(), 1);
    assertThat(loss).isBetween(head.validationLoss() * 0.9, head.validationLoss() * 1.1);
    assertThat(Temperature.fit(logits, problem.targets().distribution())).isBetween(0.9, 1.1);
    assertThat(head.validationLoss()).isLessThan(Math.log(4) * 0.8);
  }

  @Test
  void sameSeedGivesTheSameBitsInParallelToo() {
    Problem problem = Problem.make(500, 30, 6, 2, 4);
    List<TrainedHead> heads =
        IntStream.range(0, 4)
            .parallel()
            .mapToObj(i ->
                SoftmaxRegression.fit(
                    problem.features, problem.width, problem.targets(), Options.of(9)))
            .toList();
    for (TrainedHead head : heads) {
      assertThat(head).usingRecursiveComparison().isEqualTo(heads.getFirst());
    }
    TrainedHead other =
        SoftmaxRegression.fit(problem.features, problem.width, problem.targets(), Options.of(10));
    assertThat(other.bias()).isNotEqualTo(heads.getFirst().bias());
  }

  @Test
  void softTargetsTeachTheTeachersDoubts() {
    // Two classes on one axis; the teacher is a logistic curve that never gets surer than 0.75.
    int samples = 2000;
    float[] features = new float[samples];
    float[][] teacher = new float[samples][2];
    Random random = new Random(5);
    for (int i = 0; i < samples; i++) {
      features[i] = random.nextFloat() * 2 - 1;
      teacher[i][1] = (float) (1 / (1 + Math.exp(-1.1 * features[i])));
      teacher[i][0] = 1 - teacher[i][1];
    }
    TrainedHead head =
        SoftmaxRegression.fit(features, 1, new Targets(teacher), new Options(0, 0.1, 100, 10, 1));
    // The slope of the difference of logits is the teacher's, exactly learnable.
    assertThat(head.weight()[1][0] - head.weight()[0][0]).isBetween(1.08f, 1.12f);
    assertThat(head.bias()[1] - head.bias()[0]).isBetween(-0.02f, 0.02f);
  }

  @Test
  void mixingWeighsLabelsAgainstTheTeacher() {
    Targets labels = Targets.ofLabels(new int[] {0, 1}, 2);
    Targets teacher = new Targets(new float[][] {{0.5f, 0.5f}, {1, 0}});
    assertThat(labels.mix(teacher, 0.25).distribution())
        .isDeepEqualTo(new float[][] {{0.625f, 0.375f}, {0.75f, 0.25f}});
  }

  @Test
  void twoSamplesAreEnoughToRun() {
    TrainedHead head =
        SoftmaxRegression.fit(
            new float[] {1, 2}, 1, Targets.ofLabels(new int[] {0, 1}, 2), Options.of(1));
    assertThat(head.weight()[1][0]).isGreaterThan(head.weight()[0][0]);
  }

  @Test
  void badInput() {
    Targets two = Targets.ofLabels(new int[] {0, 1}, 2);
    assertBad(() -> Targets.ofLabels(new int[] {0, 3}, 3), "label 3 of sample 1");
    assertBad(() -> Targets.ofLabels(new int[] {0, -1}, 3), "label -1");
    assertBad(() -> Targets.ofLabels(new int[0], 3), "training needs samples");
    assertBad(() -> new Targets(new float[][] {{1}}), "at least 2 classes");
    assertBad(() -> new Targets(new float[][] {{0.5f, 0.6f}}), "sums to");
    assertBad(() -> new Targets(new float[][] {{Float.NaN, 1}}), "holds NaN");
    assertBad(() -> new Targets(new float[][] {{1, 0}, {1}}), "sample 1 has 1 classes");
    assertBad(() -> two.mix(two, 1.5), "outside [0, 1]");
    assertBad(() -> two.mix(new Targets(new float[][] {{1, 0}}), 0.5), "do not mix");
    assertBad(() -> fit(new float[1], 1, new Targets(new float[][] {{1, 0}})), "at least 2");
    assertBad(() -> fit(new float[3], 1, two), "3 features");
    assertBad(() -> fit(new float[] {1, Float.NaN}, 1, two), "feature 0 of sample 1 is NaN");
    assertBad(() -> new Options(-1, 0.1, 1, 1, 1), "L2");
    assertBad(() -> new Options(0, 1, 1, 1, 1), "validation share");
    assertBad(() -> new Options(0, 0.1, 0, 1, 1), "at least 1");
  }

  private static void fit(float[] features, int width, Targets targets) {
    SoftmaxRegression.fit(features, width, targets, Options.of(1));
  }

  private static void assertBad(Runnable code, String message) {
    assertThatThrownBy(code::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}
