package dev.offramp.calibrate;

/**
 * What to calibrate for. All of it must be fixed before the data is seen.
 *
 * @param fwer how many tests share delta; other than {@link Fwer#FIXED_SEQUENCE} only where the
 *     method tests
 * @param epsilon risk level, in the unit of the losses; at 0 or below the answer is "never exit"
 * @param delta probability with which a guarantee may fail, in (0, 1)
 * @param seed draws the halves of {@link Fwer#SPLIT}; no effect elsewhere. Where the samples may be
 *     sorted by anything, put them into a random order first, or draw a seed for each set of them:
 *     by the same seed the same ranks are taken of each, and the guarantee is over the draw of the
 *     samples
 * @throws CalibrationException if epsilon is not finite, delta is outside (0, 1), or fwer does not
 *     go with the method
 */
public record Settings(Method method, Fwer fwer, double epsilon, double delta, long seed) {
  public Settings {
    checkEpsilon(epsilon);
    check(method, fwer, delta);
  }

  /** With seed 0. */
  public Settings(Method method, Fwer fwer, double epsilon, double delta) {
    this(method, fwer, epsilon, delta, 0);
  }

  /** With the fixed sequence. */
  public Settings(Method method, double epsilon, double delta) {
    this(method, Fwer.FIXED_SEQUENCE, epsilon, delta);
  }

  static void checkEpsilon(double epsilon) {
    if (!Double.isFinite(epsilon)) {
      throw new CalibrationException("epsilon " + epsilon + " is not a number; give one above 0");
    }
  }

  static void check(Method method, Fwer fwer, double delta) {
    checkDelta(delta);
    if (fwer != Fwer.FIXED_SEQUENCE && !method.tests()) {
      throw new CalibrationException(
          "fwer %s needs a method that tests, such as ltt-hb; %s does not"
              .formatted(fwer.id(), method.id()));
    }
  }

  private static void checkDelta(double delta) {
    if (!(delta > 0 && delta < 1)) {
      throw new CalibrationException(
          "delta " + delta + " is outside (0, 1); give a probability such as 0.1");
    }
  }
}
