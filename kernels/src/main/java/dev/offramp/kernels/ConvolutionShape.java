package dev.offramp.kernels;

import static java.util.Objects.requireNonNull;

/**
 * Sizes of a 2-D convolution with square kernels: output pixel (y, x) sees the input pixels from (y
 * * stride - padding, x * stride - padding) on, kernel by kernel of them, those outside the image
 * being 0. Sizes that do not fit together, or make numbers beyond an int, are an {@link
 * IllegalArgumentException}.
 *
 * @param in what it reads
 * @param outputs output channels
 * @param kernel height and width of a kernel
 * @param padding pixels of zeros around the image, less than the kernel
 * @param groups parts that the channels are cut into, each output seeing the inputs of its part
 *     only; as many as channels is a depthwise convolution
 */
public record ConvolutionShape(
    ImageShape in, int outputs, int kernel, int stride, int padding, int groups) {
  public ConvolutionShape {
    requireNonNull(in, "in is null");
    if (outputs < 1 || kernel < 1 || stride < 1 || padding < 0 || padding >= kernel || groups < 1) {
      throw new IllegalArgumentException(
          ("a convolution to %d channels with kernel %d, stride %d, padding %d, groups %d:"
                  + " sizes must be at least 1, the padding 0 to kernel - 1")
              .formatted(outputs, kernel, stride, padding, groups));
    }
    if (in.channels() % groups != 0 || outputs % groups != 0) {
      throw new IllegalArgumentException(
          "a convolution from %d to %d channels: %d groups do not divide both"
              .formatted(in.channels(), outputs, groups));
    }
    if (in.height() + 2L * padding < kernel || in.width() + 2L * padding < kernel) {
      throw new IllegalArgumentException(
          "a convolution of %s with padding %d: kernel %d is larger than that"
              .formatted(in, padding, kernel));
    }
    if ((long) kernel * kernel > Integer.MAX_VALUE / (in.channels() / groups)) {
      throw new IllegalArgumentException(
          "a convolution of %s: kernel %d is too large".formatted(in, kernel));
    }
    out(in, outputs, kernel, stride, padding);
  }

  /**
   * A convolution without groups whose output is ceil(height / stride) x ceil(width / stride).
   *
   * @param kernel odd
   */
  public static ConvolutionShape same(ImageShape in, int outputs, int kernel, int stride) {
    return new ConvolutionShape(in, outputs, kernel, stride, kernel / 2, 1);
  }

  /** What it writes. */
  public ImageShape out() {
    return out(in, outputs, kernel, stride, padding);
  }

  private static ImageShape out(ImageShape in, int outputs, int kernel, int stride, int padding) {
    return new ImageShape(
        size(in.height(), kernel, stride, padding),
        size(in.width(), kernel, stride, padding),
        outputs);
  }

  private static int size(int length, int kernel, int stride, int padding) {
    return (int) Math.min((length + 2L * padding - kernel) / stride + 1, Integer.MAX_VALUE);
  }

  /** Input channels that an output sees. */
  public int inputsOfGroup() {
    return in.channels() / groups;
  }

  /** Numbers that an output is a sum over. */
  public int depth() {
    return kernel * kernel * inputsOfGroup();
  }

  /** Floating point operations of one image, a multiply-add counted as two. */
  public double flops() {
    return 2.0 * out().elements() * depth();
  }
}
