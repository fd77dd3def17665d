package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ExitTableTest {
  /** Two early exits and the last, four samples. */
  private static final ExitTable TABLE =
      new ExitTable(
          new float[][] {
            {0.9f, 0.5f, Float.NaN, 1.0f}, {0.2f, 0.8f, Float.NaN, 1.0001f}, {0, 0, 0, 0}
          },
          new int[][] {{0, 1, 2, 0}, {0, 2, 2, 0}, {1, 2, 0, 0}});

  @Test
  void exitsAtTheFirstConfidenceStrictlyAboveLambda() {
    assertThat(TABLE.exitOf(0, 0.85)).isZero();
    assertThat(TABLE.exitOf(1, 0.5)).isEqualTo(1);
    assertThat(TABLE.exitOf(1, 0.49)).isZero();
    assertThat(TABLE.exitOf(1, 0.95)).isEqualTo(2);
  }

  @Test
  void lambdaOneNeverExitsEvenAtSaturatedConfidence() {
    assertThat(TABLE.histogram(1)).containsExactly(0, 0, 4);
    assertThat(TABLE.exitOf(3, Math.nextDown(1.0))).isZero();
  }

  @Test
  void notANumberNeverExits() {
    assertThat(TABLE.exitOf(2, 0)).isEqualTo(2);
  }

  /** By the same rule: what is calibrated so must exit so when it runs. */
  @Test
  void thresholdsOfEachExitAreStrictToo() {
    assertThat(TABLE.exitOf(0, new double[] {0.95, 0.1})).isEqualTo(1);
    assertThat(TABLE.exitOf(1, new double[] {0.5, 0.7})).isEqualTo(1);
    assertThat(TABLE.exitOf(1, new double[] {0.49, 0.7})).isZero();
    assertThat(TABLE.exitOf(2, new double[] {0, 0})).isEqualTo(2);
    assertThat(TABLE.exitOf(3, new double[] {1, 1})).isEqualTo(2);
    assertThat(TABLE.exitOf(3, new double[] {1, Math.nextDown(1.0)})).isEqualTo(1);
    assertBad(() -> TABLE.exitOf(0, new double[1]), "1 thresholds for 2 early exits");
  }

  @Test
  void meanDepthWeighsTheExitsTaken() {
    // At 0.6: exits 0, 1, 2 and 0.
    assertThat(TABLE.histogram(0.6)).containsExactly(2, 1, 1);
    assertThat(TABLE.meanDepth(0.6, new double[] {1, 2, 6})).isEqualTo((1 + 2 + 6 + 1) / 4.0);
  }

  @Test
  void badInput() {
    float[][] confidence = {{0.5f}, {0.5f}};
    int[][] prediction = {{1}, {1}};
    assertBad(() -> new ExitTable(new float[0][], new int[0][]), "empty");
    assertBad(() -> new ExitTable(new float[2][0], new int[2][0]), "empty");
    assertBad(() -> new ExitTable(confidence, new int[][] {{1}}), "2 exits");
    assertBad(() -> new ExitTable(confidence, new int[][] {{1}, {1, 2}}), "exit 1");
    assertBad(() -> new ExitTable(confidence, new int[][] {{1}, {-1}}), "negative");
    assertBad(() -> new ExitTable(new float[][] {{0.5f}, {}}, prediction), "exit 1 has 0");
    assertBad(() -> new ExitTable(new float[][] {{0.5f}, {7}}, prediction), "7.0");
    assertBad(() -> new ExitTable(new float[][] {{0.5f}, {-0.5f}}, prediction), "-0.5");
    assertBad(() -> TABLE.exitOf(0, 1.1), "1.1");
    assertBad(() -> TABLE.exitOf(0, Double.NaN), "NaN");
    assertBad(() -> TABLE.meanDepth(0.5, new double[2]), "2 depths");
  }

  private static void assertBad(Runnable code, String message) {
    assertThatThrownBy(code::run)
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining(message);
  }
}
