package dev.offramp.kernels;

import static java.util.Objects.requireNonNull;

/**
 * Layer normalization: (x - mean) / sqrt(variance + epsilon) * gamma + beta, over the last
 * dimension.
 *
 * @param gamma F32 [width]
 * @param beta F32 [width]
 */
public record Normalization(Buffer gamma, Buffer beta, float epsilon) implements AutoCloseable {
  public Normalization {
    requireNonNull(gamma, "gamma is null");
    requireNonNull(beta, "beta is null");
    if (gamma.elements() != beta.elements()) {
      throw new IllegalArgumentException(
          "gamma has " + gamma.elements() + " elements, beta has " + beta.elements());
    }
  }

  public int width() {
    return Math.toIntExact(gamma.elements());
  }

  @Override
  public void close() {
    gamma.close();
    beta.close();
  }
}
