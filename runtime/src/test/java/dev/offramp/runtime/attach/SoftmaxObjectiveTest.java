package dev.offramp.runtime.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SoftmaxObjectiveTest {
  private static final double L2 = 0.05;

  // Awkward on purpose: not multiples of the block of 128 rows or of the unrolling by 4.
  private static final int SAMPLES = 131;
  private static final int WIDTH = 7;
  private static final int CLASSES = 5;

  private final Random random = new Random(1);
  private final float[][] features = new float[SAMPLES][WIDTH];
  private final float[][] targets = new float[SAMPLES][CLASSES];
  private final float[] parameters = new float[CLASSES * WIDTH];

  SoftmaxObjectiveTest() {
    for (int i = 0; i < SAMPLES; i++) {
      for (int j = 0; j < WIDTH; j++) {
        features[i][j] = j == WIDTH - 1 ? 1 : (float) random.nextGaussian();
      }
      float sum = 0;
      for (int c = 0; c < CLASSES; c++) {
        sum += targets[i][c] = random.nextFloat();
      }
      for (int c = 0; c < CLASSES; c++) {
        targets[i][c] /= sum;
      }
    }
    for (int k = 0; k < parameters.length; k++) {
      parameters[k] = (float) random.nextGaussian();
    }
  }

  @Test
  void valueAndGradientMatchFiniteDifferencesInDouble() {
    float[] gradient = new float[parameters.length];
    double value = new SoftmaxObjective(features, targets, L2).evaluate(parameters, gradient);
    double[] exact = new double[parameters.length];
    for (int k = 0; k < exact.length; k++) {
      exact[k] = parameters[k];
    }
    assertThat(value).isCloseTo(oracle(exact), within(1e-5));
    double h = 1e-5;
    for (int k = 0; k < exact.length; k++) {
      double at = exact[k];
      exact[k] = at + h;
      double above = oracle(exact);
      exact[k] = at - h;
      double below = oracle(exact);
      exact[k] = at;
      assertThat((double) gradient[k])
          .as("parameter %d", k)
          .isCloseTo((above - below) / (2 * h), within(2e-6));
    }
  }

  @Test
  void logitsAreTheProduct() {
    float[][] logits = new SoftmaxObjective(features, targets, L2).logits(parameters);
    for (int i = 0; i < SAMPLES; i++) {
      for (int c = 0; c < CLASSES; c++) {
        double sum = 0;
        for (int j = 0; j < WIDTH; j++) {
          sum += (double) parameters[c * WIDTH + j] * features[i][j];
        }
        assertThat((double) logits[i][c]).isCloseTo(sum, within(1e-5));
      }
    }
  }

  @Test
  void lbfgsReachesAPointWithoutSlope() {
    SoftmaxObjective objective = new SoftmaxObjective(features, targets, L2);
    float[] x = parameters.clone();
    Lbfgs.minimise(objective, x, 200, (iteration, current) -> true);
    float[] gradient = new float[x.length];
    objective.evaluate(x, gradient);
    for (float slope : gradient) {
      assertThat(Math.abs(slope)).isLessThan(1e-4f);
    }
  }

  private double oracle(double[] w) {
    double loss = 0;
    for (int i = 0; i < SAMPLES; i++) {
      double sum = 0;
      double expected = 0;
      for (int c = 0; c < CLASSES; c++) {
        double logit = 0;
        for (int j = 0; j < WIDTH; j++) {
          logit += w[c * WIDTH + j] * features[i][j];
        }
        sum += Math.exp(logit);
        expected += targets[i][c] * logit;
      }
      loss += Math.log(sum) - expected;
    }
    double penalty = 0;
    for (int k = 0; k < w.length; k++) {
      penalty += k % WIDTH == WIDTH - 1 ? 0 : w[k] * w[k];
    }
    return loss / SAMPLES + L2 / 2 * penalty;
  }
}
