package dev.offramp.kernels;

import static java.util.Objects.requireNonNull;

/**
 * Sizes of a 2-D convolution with square kernels: output pixel (y, x) sees the input pixels from (y
 * * stride - padding, x * stride - padding) on, kernel by kernel of them, those outside the image
 * being 0.
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
    if (in.height() + 2 * padding < kernel || in.width() + 2 * padding < kernel) {
      throw new IllegalArgumentException(
          "a convolution of %s with padding %d: kernel %d is larger than that"
              .formatted(in, padding, kernel));
    }
  }

  /** A convolution without groups that keeps the size, or divides it by the stride. */
  public static ConvolutionShape same(ImageShape in, int outputs, int kernel, int stride) {
    return new ConvolutionShape(in, outputs, kernel, stride, kernel / 2, 1);
  }

  /** What it writes. */
  public ImageShape out() {
    return new ImageShape(size(in.height()), size(in.width()), outputs);
  }

  private int size(int length) {
    return (length + 2 * padding - kernel) / stride + 1;
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
