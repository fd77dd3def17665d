package dev.offramp.kernels;

/**
 * Weights of a convolution in the layout its device likes best. Made by {@link Device#convolution},
 * closed by its owner.
 */
public interface Convolution extends AutoCloseable {
  ConvolutionShape shape();

  @Override
  void close();
}
