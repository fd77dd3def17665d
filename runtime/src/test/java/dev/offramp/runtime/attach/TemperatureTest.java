package dev.offramp.runtime.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TemperatureTest {
  @Test
  void findsTheFactorThatMadeLogitsTooSharpAndLowersTheLoss() {
    // Labels drawn from softmax(logits): temperature 1 is right; scaled logits need the factor.
    Random random = new Random(1);
    int samples = 20_000;
    float[][] logits = new float[samples][3];
    float[][] targets = new float[samples][3];
    for (int i = 0; i < samples; i++) {
      double[] p = new double[3];
      double sum = 0;
      for (int c = 0; c < 3; c++) {
        logits[i][c] = (float) (2 * random.nextGaussian());
        sum += p[c] = Math.exp(logits[i][c]);
      }
      double u = random.nextDouble() * sum;
      targets[i][u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2] = 1;
    }
    for (float factor : new float[] {0.4f, 1, 3}) {
      float[][] scaled = new float[samples][3];
      for (int i = 0; i < samples; i++) {
        for (int c = 0; c < 3; c++) {
          scaled[i][c] = logits[i][c] * factor;
        }
      }
      double temperature = Temperature.fit(scaled, targets);
      assertThat(temperature).isBetween(factor * 0.95, factor * 1.05);
      double fitted = Temperature.crossEntropy(scaled, targets, temperature);
      assertThat(fitted).isLessThanOrEqualTo(Temperature.crossEntropy(scaled, targets, 1));
      assertThat(fitted)
          .isLessThan(Temperature.crossEntropy(scaled, targets, temperature * 1.05))
          .isLessThan(Temperature.crossEntropy(scaled, targets, temperature / 1.05));
    }
  }
}
