package dev.offramp.calibrate.bound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class HoeffdingTest {
  @Test
  void pValueAndBoundInvertEachOther() {
    for (double delta : new double[] {0.3, 0.1, 1e-6}) {
      double upper = Hoeffding.upperBound(0.2, 1_000, delta, 1);
      assertThat(Hoeffding.pValue(200, 1_000, upper))
          .isCloseTo(delta, Percentage.withPercentage(1e-9));
    }
  }

  @Test
  void boundFollowsTheRange() {
    // sqrt(ln(1 / e^-8) / (2 * 100)) = 0.2.
    assertThat(Hoeffding.upperBound(0.1, 100, Math.exp(-8), 1)).isCloseTo(0.3, within(1e-15));
    assertThat(Hoeffding.upperBound(-0.5, 100, Math.exp(-8), 2)).isCloseTo(-0.1, within(1e-15));
    assertThat(Hoeffding.upperBound(1.5, 100, Math.exp(-8), 2)).isCloseTo(1.9, within(1e-15));
    assertThat(Hoeffding.upperBound(0.9, 100, Math.exp(-8), 1)).isOne();
    assertThat(Hoeffding.upperBound(0.9, 1, 1e-300, 1)).isOne();
  }

  @Test
  void extremes() {
    assertThat(Hoeffding.pValue(5, 10, 0.5)).isOne();
    assertThat(Hoeffding.pValue(7, 10, 0.5)).isOne();
    assertThat(Hoeffding.pValue(0, 10, 0)).isOne();
    assertThat(Hoeffding.pValue(10, 10, 1)).isZero();
    assertThat(Hoeffding.logPValue(0, Integer.MAX_VALUE, 0.5)).isEqualTo(-0.5 * Integer.MAX_VALUE);
  }

  @Test
  void badInput() {
    assertThatThrownBy(() -> Hoeffding.pValue(11, 10, 0.5))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("11.0");
    assertThatThrownBy(() -> Hoeffding.pValue(1, 10, Double.NaN))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Hoeffding.upperBound(Double.NaN, 10, 0.1, 1))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Hoeffding.upperBound(1.5, 10, 0.1, 1))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("1.5");
    assertThatThrownBy(() -> Hoeffding.upperBound(0.5, 0, 0.1, 1))
        .isInstanceOf(CalibrationException.class);
    assertThatThrownBy(() -> Hoeffding.upperBound(0.5, 10, 1, 1))
        .isInstanceOf(CalibrationException.class);
    for (double bad : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> Hoeffding.upperBound(0.5, 10, 0.1, bad))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("loss bound " + bad);
    }
  }
}
