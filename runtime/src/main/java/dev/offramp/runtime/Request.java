package dev.offramp.runtime;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * A text to be classified: {@code Request.of("…").within(Duration.ofMillis(50))}.
 *
 * @param text what to classify; what goes beyond the model's longest input is cut off
 * @param deadline how long from its submission on the answer is of use, or null for as long as it
 *     takes
 * @param fullDepth whether it runs to the last exit, whatever its confidence
 */
public record Request(String text, Duration deadline, boolean fullDepth) {
  private static final Duration LONGEST = Duration.ofDays(1);

  public Request {
    requireNonNull(text, "text is null");
    if (deadline != null && (deadline.isNegative() || deadline.compareTo(LONGEST) > 0)) {
      throw new IllegalArgumentException(
          "deadline is " + deadline + ", must be 0 to " + LONGEST + ", or none");
    }
  }

  public static Request of(String text) {
    return new Request(text, null, false);
  }

  /** The same, with a deadline. */
  public Request within(Duration deadline) {
    return new Request(text, deadline, fullDepth);
  }

  /**
   * The same, run to the last exit. A request may be more careful than the thresholds, not less.
   */
  public Request atFullDepth() {
    return new Request(text, deadline, true);
  }
}
