package dev.offramp.calibrate;

import java.util.Arrays;

/** Confidence bounds and p-values for the mean of losses; bad losses are named in one sentence. */
enum Tail {
  BETTING,
  HOEFFDING_BENTKUS {
    @Override
    double pValue(double[] losses, double bound, double delta, double epsilon) {
      return HoeffdingBentkus.pValue(clippedSum(losses, bound), losses.length, epsilon / bound);
    }

    @Override
    double upperBound(double[] losses, double bound, double delta) {
      if (clippedSum(losses, bound) == 0) {
        return -bound * Math.expm1(Math.log(delta) / losses.length);
      }
      return super.upperBound(losses, bound, delta);
    }
  },
  HOEFFDING,
  BINOMIAL;

  double pValue(double[] losses, double bound, double delta, double epsilon) {
    throw new CalibrationException(this + " is not there yet");
  }

  double upperBound(double[] losses, double bound, double delta) {
    throw new CalibrationException(this + " is not there yet");
  }

  /** Sum of max(loss, 0) / bound, each term in [0, 1]. */
  private static double clippedSum(double[] losses, double bound) {
    return Arrays.stream(losses).map(loss -> Math.max(loss, 0) / bound).sum();
  }
}
