package dev.offramp.calibrate.loss;

/** How much two token sequences share. */
final class Overlap {
  private Overlap() {}

  /**
   * F1, the harmonic mean of common / first and common / second, in [0, 1]: 0 where only one is
   * empty, and 1 where both are, so that an output always agrees with itself.
   *
   * @param common number of shared tokens
   * @param first number of tokens in the one
   * @param second number of tokens in the other
   */
  static double f1(int common, int first, int second) {
    return first + second == 0 ? 1 : 2.0 * common / (first + second);
  }
}
