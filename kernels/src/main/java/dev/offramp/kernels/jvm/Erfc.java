package dev.offramp.kernels.jvm;

/**
 * Constants of erfc(z) = (a1 t + ... + a5 t^5) exp(-z^2), t = 1 / (1 + p z), for z >= 0, within
 * 1.5e-7 (Abramowitz and Stegun, 7.1.26).
 */
final class Erfc {
  static final float P = 0.3275911f;
  static final float A1 = 0.254829592f;
  static final float A2 = -0.284496736f;
  static final float A3 = 1.421413741f;
  static final float A4 = -1.453152027f;
  static final float A5 = 1.061405429f;
  static final float SQRT_TWO = 1.41421356f;

  /** Bound on |x| / 2 in GELU: erfc is 0 long before, and exp(-z^2) still a normal number. */
  static final float ENOUGH = 6.5f;

  private Erfc() {}
}
