package dev.offramp.runtime;

import dev.offramp.runtime.engine.Outcome;
import java.util.List;

/**
 * The answer to a request.
 *
 * @param prediction class number
 * @param label its name
 * @param confidence score of the exit taken, in [0, 1]; NaN if the network computed no number
 * @param exit exit taken, counted from 0; the last one is the full model's head
 * @param probabilities shape [classes], those of the exit taken, or null unless they were asked for
 */
public record Result(
    int prediction, String label, float confidence, int exit, float[] probabilities) {
  static Result of(Outcome outcome, List<String> labels) {
    return new Result(
        outcome.prediction(),
        labels.get(outcome.prediction()),
        outcome.confidence(),
        outcome.exit(),
        outcome.probabilities());
  }
}
