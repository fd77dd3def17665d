package dev.offramp.kernels;

/** What a GEMM does to its result while it is still in registers; the bias is always added. */
public enum Epilogue {
  BIAS,
  /** Exact GELU, 0.5 y (1 + erf(y / sqrt 2)). */
  BIAS_GELU,
  BIAS_RELU,
  /** Adds the same place of the residual buffer. */
  BIAS_RESIDUAL
}
