package dev.offramp.kernels.jvm;

/**
 * Exact GELU as x / 2 + |x| e(|x|), e(a) = erf(a / sqrt 2) / 2. For a up to {@link #ENOUGH}, e(a)
 * is a P(s) / Q(s) with s = a a, a minimax fit of our own within 3e-8; further out it is 1/2.
 * Cheaper than by erfc, which needs exp.
 */
final class Gelu {
  static final float P0 = 0.39894193f;
  static final float P1 = 0.035486314f;
  static final float P2 = 0.0047827978f;
  static final float P3 = 0.0001863904f;
  static final float P4 = 6.5569507e-6f;
  static final float P5 = 2.1951731e-8f;
  static final float Q1 = 0.2556142f;
  static final float Q2 = 0.029595954f;
  static final float Q3 = 0.0019822635f;
  static final float Q4 = 7.975768e-5f;
  static final float Q5 = 1.1896642e-6f;

  /**
   * Here the rounded sums give exactly 1/2, so that a large negative x gives exactly 0: a test
   * holds it.
   */
  static final float ENOUGH = 5.55f;

  private Gelu() {}

  static float of(float x) {
    float a = Math.abs(x);
    if (a >= ENOUGH) {
      return Math.max(x, 0); // What the sums below give too, but not without an FMA instruction.
    }
    float s = a * a;
    float p = Fma.of(P5, s, P4);
    p = Fma.of(p, s, P3);
    p = Fma.of(p, s, P2);
    p = Fma.of(p, s, P1);
    p = Fma.of(p, s, P0);
    float q = Fma.of(Q5, s, Q4);
    q = Fma.of(q, s, Q3);
    q = Fma.of(q, s, Q2);
    q = Fma.of(q, s, Q1);
    q = Fma.of(q, s, 1);
    return Fma.of(a, a * (p / q), 0.5f * x);
  }
}
