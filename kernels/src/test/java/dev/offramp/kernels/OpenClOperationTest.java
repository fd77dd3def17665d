package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.opencl.OpenClUnderTest;
import org.junit.jupiter.api.Test;

class OpenClOperationTest extends OperationConformance {
  @Override
  protected Device open() {
    return OpenClUnderTest.open(Precision.F32);
  }

  /** More tiles of positions than the 65,535 groups that cards take along y. */
  @Test
  void gemmTakesAMillionPositions() {
    Batch batch = Batch.full(8192, 128);
    float[] in = rig.numbers(8192 * 128, 1);
    float[] weight = {3, -2};
    float[] bias = {0.5f, -1};
    Buffer out = rig.upload(batch.untouched(2));
    Linear map = rig.linear(1, 2, weight, bias);

    rig.device.gemm(batch.load(rig), map, rig.upload(in), Epilogue.BIAS, null, out);

    float[] actual = rig.floats(out);
    for (int i = 0; i < actual.length; i++) {
      float expected = Math.fma(in[i / 2], weight[i % 2], bias[i % 2]);
      if (Math.abs(actual[i] - expected) > tolerance()) {
        assertThat(actual[i]).as("element %d", i).isEqualTo(expected);
      }
    }
  }
}
