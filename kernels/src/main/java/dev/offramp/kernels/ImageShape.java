package dev.offramp.kernels;

/**
 * Sizes of an image or feature map. In memory it is [height, width, channels]: the channels of a
 * pixel lie side by side.
 */
public record ImageShape(int height, int width, int channels) {
  public ImageShape {
    if (height < 1 || width < 1 || channels < 1) {
      throw new IllegalArgumentException(
          "an image of %d x %d x %d: sizes must be at least 1".formatted(height, width, channels));
    }
    if ((long) height * width * channels > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "an image of %d x %d x %d: too large".formatted(height, width, channels));
    }
  }

  public int pixels() {
    return height * width;
  }

  /** Numbers in an image: the width of its activations. */
  public int elements() {
    return pixels() * channels;
  }

  @Override
  public String toString() {
    return height + "x" + width + "x" + channels;
  }
}
