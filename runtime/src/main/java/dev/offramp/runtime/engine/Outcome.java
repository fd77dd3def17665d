package dev.offramp.runtime.engine;

/**
 * What the runtime says of one sample.
 *
 * @param prediction class number
 * @param confidence score of the exit taken, in [0, 1]
 * @param exit exit taken, counted from 0; the last one is the full model's head
 * @param probabilities shape [classes], those of the exit taken, or null where nobody asked
 */
public record Outcome(int prediction, float confidence, int exit, float[] probabilities) {
  /** Without probabilities. */
  public Outcome(int prediction, float confidence, int exit) {
    this(prediction, confidence, exit, null);
  }
}
