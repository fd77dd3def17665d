package dev.offramp.kernels.jvm;

import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.jvm.Convolve.Product;

/**
 * Convolution in groups of few outputs, pixel by pixel. Depthwise ones are computed for all
 * channels of a pixel at once.
 */
final class DirectConvolution {
  private static final int SUMS = 0;

  private DirectConvolution() {}

  /** Lines from (inclusive) to (exclusive) of a row's output. */
  static void lines(Product product, int row, int from, int to, Scratch scratch) {
    ConvolutionShape shape = product.map().shape();
    ImageShape out = shape.out();
    int outputs = shape.outputs();
    float[] sums = scratch.floats(SUMS, outputs);
    for (int y = from; y < to; y++) {
      for (int x = 0; x < out.width(); x++) {
        System.arraycopy(product.map().bias(), 0, sums, 0, outputs);
        add(product, row * shape.in().elements(), y, x, sums);
        finish(product, sums, row * out.elements() + (y * out.width() + x) * outputs);
      }
    }
  }

  private static void add(Product product, int image, int y, int x, float[] sums) {
    ConvolutionShape shape = product.map().shape();
    ImageShape in = shape.in();
    boolean depthwise = shape.groups() == in.channels() && shape.groups() == shape.outputs();
    int weights = shape.inputsOfGroup() * shape.outputs();
    for (int i = 0; i < shape.kernel(); i++) {
      int line = y * shape.stride() - shape.padding() + i;
      for (int j = 0; j < shape.kernel(); j++) {
        int column = x * shape.stride() - shape.padding() + j;
        if (line >= 0 && line < in.height() && column >= 0 && column < in.width()) {
          int pixel = image + (line * in.width() + column) * in.channels();
          int weight = (i * shape.kernel() + j) * weights;
          if (depthwise) {
            channels(product.in().data(), pixel, product.map().packed(), weight, sums, in);
          } else {
            groups(shape, product.in().data(), pixel, product.map().packed(), weight, sums);
          }
        }
      }
    }
  }

  private static void channels(
      float[] in, int pixel, float[] weights, int weight, float[] sums, ImageShape shape) {
    for (int c = 0; c < shape.channels(); c++) {
      sums[c] = Fma.of(in[pixel + c], weights[weight + c], sums[c]);
    }
  }

  private static void groups(
      ConvolutionShape shape, float[] in, int pixel, float[] weights, int weight, float[] sums) {
    int inputs = shape.inputsOfGroup();
    int outputs = shape.outputs() / shape.groups();
    for (int group = 0; group < shape.groups(); group++) {
      int first = group * outputs;
      for (int c = 0; c < inputs; c++) {
        float value = in[pixel + group * inputs + c];
        int at = weight + c * shape.outputs();
        for (int o = first; o < first + outputs; o++) {
          sums[o] = Fma.of(value, weights[at + o], sums[o]);
        }
      }
    }
  }

  private static void finish(Product product, float[] sums, int at) {
    int outputs = product.map().shape().outputs();
    float[] out = product.out().data();
    if (product.residual() != null) {
      float[] residual = product.residual().data();
      for (int o = 0; o < outputs; o++) {
        sums[o] += residual[at + o];
      }
    }
    switch (product.epilogue()) {
      case BIAS, BIAS_RESIDUAL -> System.arraycopy(sums, 0, out, at, outputs);
      case BIAS_GELU -> {
        for (int o = 0; o < outputs; o++) {
          out[at + o] = Gelu.of(sums[o]);
        }
      }
      case BIAS_RELU, BIAS_RESIDUAL_RELU -> {
        for (int o = 0; o < outputs; o++) {
          out[at + o] = Math.max(sums[o], 0);
        }
      }
    }
  }
}
