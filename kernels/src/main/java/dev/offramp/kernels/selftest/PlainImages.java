package dev.offramp.kernels.selftest;

import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import java.util.Arrays;

/** As {@link PlainMath}, what operations on images are, one image at a time. */
final class PlainImages {
  private PlainImages() {}

  static double[] pixels(int[] packed, ImageShape s, double[] scale, double[] shift) {
    double[] out = new double[s.elements()];
    for (int at = 0; at < out.length; at++) {
      int channel = at % s.channels();
      out[at] = (packed[at / s.channels()] >> 8 * channel & 255) * scale[channel] + shift[channel];
    }
    return out;
  }

  /** weight is [outputs, inputs / groups, kernel, kernel]; bias and residual may be null. */
  static double[] convolve(
      double[] in,
      ConvolutionShape s,
      float[] weight,
      float[] bias,
      Epilogue epilogue,
      double[] residual) {
    ImageShape shape = s.out();
    int part = s.in().channels() / s.groups();
    double[] out = new double[shape.elements()];
    for (int at = 0; at < out.length; at++) {
      int output = at % s.outputs();
      int first = output / (s.outputs() / s.groups()) * part;
      double sum = bias == null ? 0 : bias[output];
      for (int i = 0; i < s.kernel(); i++) {
        for (int j = 0; j < s.kernel(); j++) {
          int pixel = pixel(s, at / s.outputs(), i, j);
          for (int c = 0; pixel >= 0 && c < part; c++) {
            sum +=
                in[pixel * s.in().channels() + first + c]
                    * weight[((output * part + c) * s.kernel() + i) * s.kernel() + j];
          }
        }
      }
      out[at] = PlainMath.finish(sum, epilogue, residual == null ? 0 : residual[at]);
    }
    return out;
  }

  static double[] maxPool(double[] in, ConvolutionShape s) {
    int channels = s.in().channels();
    double[] out = new double[s.out().elements()];
    Arrays.fill(out, Double.NEGATIVE_INFINITY);
    for (int at = 0; at < out.length; at++) {
      for (int i = 0; i < s.kernel(); i++) {
        for (int j = 0; j < s.kernel(); j++) {
          int pixel = pixel(s, at / channels, i, j);
          if (pixel >= 0) {
            out[at] = Math.max(out[at], in[pixel * channels + at % channels]);
          }
        }
      }
    }
    return out;
  }

  /** The input pixel below a place of the kernel, or -1 outside the image. */
  private static int pixel(ConvolutionShape s, int output, int i, int j) {
    int line = output / s.out().width() * s.stride() - s.padding() + i;
    int column = output % s.out().width() * s.stride() - s.padding() + j;
    boolean inside = line >= 0 && line < s.in().height() && column >= 0 && column < s.in().width();
    return inside ? line * s.in().width() + column : -1;
  }

  static double[] gridPool(double[] in, ImageShape s, int grid) {
    double[] out = new double[grid * grid * s.channels()];
    for (int at = 0; at < out.length; at++) {
      int cell = at / s.channels();
      double sum = 0;
      int count = 0;
      for (int i = 0; i < s.pixels(); i++) {
        if (covers(s.height(), grid, cell / grid, i / s.width())
            && covers(s.width(), grid, cell % grid, i % s.width())) {
          sum += in[i * s.channels() + at % s.channels()];
          count++;
        }
      }
      out[at] = sum / count;
    }
    return out;
  }

  private static boolean covers(int length, int grid, int cell, int at) {
    return at >= Math.floor((double) cell * length / grid)
        && at < Math.ceil((cell + 1.0) * length / grid);
  }

  static double[] shortcut(double[] in, ImageShape s, int stride, int channels) {
    int width = Math.ceilDiv(s.width(), stride);
    int height = Math.ceilDiv(s.height(), stride);
    double[] out = new double[height * width * channels];
    for (int at = 0; at < out.length; at++) {
      int line = at / channels / width * stride;
      int column = at / channels % width * stride;
      int channel = at % channels - (channels - s.channels()) / 2;
      if (channel >= 0 && channel < s.channels()) {
        out[at] = in[(line * s.width() + column) * s.channels() + channel];
      }
    }
    return out;
  }
}
