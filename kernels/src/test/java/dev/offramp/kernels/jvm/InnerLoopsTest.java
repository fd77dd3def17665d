package dev.offramp.kernels.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.apache.commons.math3.special.Erf;
import org.junit.jupiter.api.Test;

class InnerLoopsTest {
  private final InnerLoops loops = InnerLoops.best();

  @Test
  void theCodePathIsTheOneAskedFor() {
    Integer bits = Integer.getInteger("offramp.vectorBits");
    String missing = System.getProperty("offramp.missing");
    if (missing != null) {
      assertThat(loops).isInstanceOf(ScalarLoops.class);
      assertThat(loops.note()).contains(missing);
    } else {
      assertThat(loops).isInstanceOf(VectorLoops.class);
      assertThat(loops.note()).isEmpty();
    }
    if (bits != null) {
      assertThat(loops.lanes()).isEqualTo(bits / 32);
    }
  }

  @Test
  void geluIsWithinOneMillionth() {
    float[] x = new float[20_000];
    for (int i = 0; i < x.length; i++) {
      x[i] = (i - 10_000) / 1000f;
    }
    float[] y = x.clone();
    loops.gelu(new Matrix(y, new int[1], y.length), 0, 0, 1, y.length);
    for (int i = 0; i < x.length; i++) {
      double expected = 0.5 * x[i] * Erf.erfc(-x[i] / Math.sqrt(2));
      assertThat((double) y[i]).as("gelu(%s)", x[i]).isCloseTo(expected, within(1e-6));
    }
  }

  /** However large, what GELU takes away must not leave a rest. */
  @Test
  void geluOfLargeNegativesIsZero() {
    float[] y = new float[64];
    for (int i = 0; i < y.length; i++) {
      y[i] = -5.55f * (float) Math.pow(2, 2 * i % 126);
    }
    loops.gelu(new Matrix(y, new int[1], y.length), 0, 0, 1, y.length);
    assertThat(y).containsOnly(0);
  }

  @Test
  void softmaxIsWithinOneMillionth() {
    for (int count : new int[] {1, 7, 33, 512}) {
      float[] x = new float[(count + 15) / 16 * 16 + 16];
      for (int i = 0; i < count; i++) {
        x[i] = (i * 37 % count - count / 2f) / 3;
      }
      float[] y = x.clone();
      loops.softmax(y, 1, y.length, count, 0.5f);
      double max = Double.NEGATIVE_INFINITY;
      for (int i = 0; i < count; i++) {
        max = Math.max(max, x[i] * 0.5);
      }
      double sum = 0;
      for (int i = 0; i < count; i++) {
        sum += Math.exp(x[i] * 0.5 - max);
      }
      for (int i = 0; i < count; i++) {
        double expected = Math.exp(x[i] * 0.5 - max) / sum;
        assertThat((double) y[i]).as("%d of %d", i, count).isCloseTo(expected, within(1e-6));
      }
    }
  }
}
