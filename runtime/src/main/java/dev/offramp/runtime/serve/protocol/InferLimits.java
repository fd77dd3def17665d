package dev.offramp.runtime.serve.protocol;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * What a request may ask for at most. All its pictures together may have {@link #requestPixels()}.
 *
 * @param batch inputs in a request
 * @param textCharacters length of a text in UTF-16 units
 * @param imageBytes size of a PNG or JPEG file
 * @param imagePixels width times height of the picture in it, before it is scaled
 * @param deadline of a request that names no timeout; 0 or more, at most longestDeadline
 * @param longestDeadline the longest timeout that a request may name, at most a day
 */
public record InferLimits(
    int batch,
    int textCharacters,
    int imageBytes,
    int imagePixels,
    Duration deadline,
    Duration longestDeadline) {
  private static final long LARGEST_PICTURES = 4;
  private static final Duration DAY = Duration.ofDays(1);

  public InferLimits {
    atLeastOne(batch, "batch");
    atLeastOne(textCharacters, "textCharacters");
    atLeastOne(imageBytes, "imageBytes");
    atLeastOne(imagePixels, "imagePixels");
    requireNonNull(deadline, "deadline is null");
    requireNonNull(longestDeadline, "longestDeadline is null");
    if (deadline.isNegative()
        || deadline.compareTo(longestDeadline) > 0
        || longestDeadline.compareTo(DAY) > 0) {
      throw new IllegalArgumentException(
          "deadlines are "
              + deadline
              + " and at most "
              + longestDeadline
              + ", must be 0 to the longest, and that at most "
              + DAY);
    }
  }

  /**
   * Pixels of all pictures of a request before they are scaled: as many as four of the largest
   * have.
   */
  public long requestPixels() {
    return LARGEST_PICTURES * imagePixels;
  }

  private static void atLeastOne(int value, String name) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " is " + value + ", must be 1 or more");
    }
  }
}
