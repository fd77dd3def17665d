package dev.offramp.calibrate;

/** What a {@link Method} promises about samples to come. */
public enum Promise {
  /** Nothing; it is there to compare with. */
  NONE,

  /** The risk is at most epsilon on average over calibration sets, not for each of them. */
  EXPECTATION,

  /** The risk is at most epsilon except with probability delta over the calibration set. */
  HIGH_PROBABILITY
}
