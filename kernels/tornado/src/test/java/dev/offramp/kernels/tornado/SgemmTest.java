package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SgemmTest {
  private final Random random = new Random(7);

  /** Just what cuBLAS is asked for, done by its manual. */
  @Test
  void whatCublasIsAskedForIsTheProductOfRows() {
    for (int[] size : new int[][] {{1, 1, 1}, {1, 5, 3}, {7, 3, 1}, {13, 9, 17}, {5, 31, 23}}) {
      for (boolean onto : new boolean[] {false, true}) {
        check(size[0], size[1], size[2], onto);
      }
    }
  }

  private void check(int rows, int inputs, int outputs, boolean onto) {
    float[] weight = numbers(outputs * inputs);
    float[] in = numbers(rows * inputs);
    float[] out = numbers(rows * outputs);
    float[] before = out.clone();
    Sgemm s = Sgemm.of(rows, inputs, outputs, onto);
    TestCublas.sgemm(
        s.opA(), s.opB(), s.m(), s.n(), s.k(), 1, weight, s.lda(), in, s.ldb(), s.beta(), out,
        s.ldc());
    for (int row = 0; row < rows; row++) {
      for (int output = 0; output < outputs; output++) {
        int at = row * outputs + output;
        double sum = onto ? before[at] : 0;
        for (int input = 0; input < inputs; input++) {
          sum += (double) in[row * inputs + input] * weight[output * inputs + input];
        }
        assertThat((double) out[at])
            .as("row %d of %s, onto %s", row, s, onto)
            .isCloseTo(sum, within(1e-5));
      }
    }
  }

  private float[] numbers(int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = random.nextFloat(-1, 1);
    }
    return numbers;
  }
}
