package dev.offramp.kernels.selftest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Confidence;
import org.apache.commons.math3.special.Erf;
import org.junit.jupiter.api.Test;

/** What everything is compared with, against what others know. */
class PlainMathTest {
  @Test
  void erfIsThatOfCommonsMath() {
    for (double x = -7; x <= 7; x += 1 / 128.0) {
      assertThat(PlainMath.erf(x)).as("erf(%s)", x).isCloseTo(Erf.erf(x), within(1e-14));
    }
    assertThat(PlainMath.erf(Double.POSITIVE_INFINITY)).isEqualTo(1);
    assertThat(PlainMath.gelu(Double.NaN)).isNaN();
    assertThat(PlainMath.gelu(Double.POSITIVE_INFINITY)).isEqualTo(Double.POSITIVE_INFINITY);
  }

  @Test
  void predictionsAndScoresOfOddLogits() {
    double nan = Double.NaN;
    double infinity = Double.POSITIVE_INFINITY;
    double[][] logits = {
      {1, 5, 5},
      {-1e30, 1e30, 0},
      {nan, 2, 3},
      {nan, nan, nan},
      {1, -infinity, 0},
      {2, infinity, 2}
    };
    int[] expected = {1, 1, 2, 0, 0, 1};
    for (int i = 0; i < logits.length; i++) {
      assertThat(PlainMath.prediction(logits[i])).as("prediction %d", i).isEqualTo(expected[i]);
      for (Confidence confidence : Confidence.values()) {
        double score = PlainMath.score(PlainMath.softmax(logits[i]), confidence);
        if (i == 2 || i == 3 || i == 5) {
          assertThat(score).as("%s of %d", confidence, i).isNaN();
        } else {
          assertThat(score).as("%s of %d", confidence, i).isBetween(0.0, 1.0);
        }
      }
    }
  }
}
