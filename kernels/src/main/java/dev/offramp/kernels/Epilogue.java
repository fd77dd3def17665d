package dev.offramp.kernels;

/**
 * What a GEMM or convolution does to its result while it is still in registers; the bias is always
 * added.
 */
public enum Epilogue {
  BIAS,
  /** Exact GELU, 0.5 y (1 + erf(y / sqrt 2)). */
  BIAS_GELU,
  BIAS_RELU,
  /** Adds the same place of the residual buffer. */
  BIAS_RESIDUAL,
  /** Adds the same place of the residual buffer, then max(0, y). */
  BIAS_RESIDUAL_RELU;

  /** Whether it adds a residual. */
  public boolean addsResidual() {
    return this == BIAS_RESIDUAL || this == BIAS_RESIDUAL_RELU;
  }
}
