package dev.offramp.runtime;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.time.Duration;

/**
 * A text or image to be classified: {@code Request.of("…").within(Duration.ofMillis(50))}.
 *
 * @param input what to classify
 * @param deadline how long from its submission on the answer is of use, or null for as long as it
 *     takes
 * @param fullDepth whether it runs to the last exit, whatever its confidence
 */
public record Request(Input input, Duration deadline, boolean fullDepth) {
  private static final Duration LONGEST = Duration.ofDays(1);

  /** What a model may take. */
  public sealed interface Input {}

  /** A text; what goes beyond the model's longest input is cut off. */
  public record Text(String text) implements Input {
    public Text {
      requireNonNull(text, "text is null");
    }
  }

  /** A PNG or JPEG file, read and brought to the model's size by the thread that submits it. */
  public record Image(Path file) implements Input {
    public Image {
      requireNonNull(file, "file is null");
    }
  }

  public Request {
    requireNonNull(input, "input is null");
    if (deadline != null && (deadline.isNegative() || deadline.compareTo(LONGEST) > 0)) {
      throw new IllegalArgumentException(
          "deadline is " + deadline + ", must be 0 to " + LONGEST + ", or none");
    }
  }

  public static Request of(String text) {
    return new Request(new Text(text), null, false);
  }

  public static Request of(Path image) {
    return new Request(new Image(image), null, false);
  }

  /** The same, with a deadline. */
  public Request within(Duration deadline) {
    return new Request(input, deadline, fullDepth);
  }

  /**
   * The same, run to the last exit. A request may be more careful than the thresholds, not less.
   */
  public Request atFullDepth() {
    return new Request(input, deadline, true);
  }
}
