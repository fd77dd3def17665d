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
 * @param probabilities whether the result tells the probabilities of all classes
 */
public record Request(Input input, Duration deadline, boolean fullDepth, boolean probabilities) {
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

  /**
   * A PNG or JPEG file that is in memory, brought to the model's size by the thread that submits
   * it.
   *
   * @param bytes all of the file; not copied
   */
  public record ImageBytes(byte[] bytes) implements Input {
    public ImageBytes {
      requireNonNull(bytes, "bytes is null");
    }
  }

  /**
   * What the network itself takes, for those who prepare inputs on their own.
   *
   * @param numbers token ids, with those of the model's first and last token, or the pixels of an
   *     image, row after row, as {@link dev.offramp.models.Picture} packs them; copied, for on the
   *     device a token that nobody checked would fail the rows of others too
   */
  public record Prepared(int[] numbers) implements Input {
    public Prepared {
      numbers = requireNonNull(numbers, "numbers is null").clone();
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
    return of(new Text(text));
  }

  public static Request of(Path image) {
    return of(new Image(image));
  }

  /**
   * Of an image that is in memory as a PNG or JPEG file holds it.
   *
   * @param image all of the file; not copied, so it must stay as it is until it is submitted
   */
  public static Request of(byte[] image) {
    return of(new ImageBytes(image));
  }

  public static Request of(Input input) {
    return new Request(input, null, false, false);
  }

  /** The same, with a deadline. */
  public Request within(Duration deadline) {
    return new Request(input, deadline, fullDepth, probabilities);
  }

  /**
   * The same, run to the last exit. A request may be more careful than the thresholds, not less.
   */
  public Request atFullDepth() {
    return new Request(input, deadline, true, probabilities);
  }

  /** The same, with a result that tells the probabilities of all classes. */
  public Request withProbabilities() {
    return new Request(input, deadline, fullDepth, true);
  }
}
