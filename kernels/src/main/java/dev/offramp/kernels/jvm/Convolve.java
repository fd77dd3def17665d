package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import java.util.ArrayList;
import java.util.List;

/** Convolution of each live row's image. */
final class Convolve {
  private static final int SUMS = 0;

  private final InnerLoops loops;

  Convolve(InnerLoops loops) {
    this.loops = loops;
  }

  /** One convolution of a batch: the arrays of activations, the residual null without one. */
  private record Product(
      JvmConvolution map, float[] in, Epilogue epilogue, float[] residual, float[] out) {}

  Work work(
      Checks check,
      LiveRows rows,
      Convolution map,
      Buffer in,
      Epilogue epilogue,
      Buffer residual,
      Buffer out) {
    JvmRows live = check.imageRows(rows);
    JvmConvolution convolution = check.convolution("map", map);
    int inputs = convolution.shape().in().elements();
    int outputs = convolution.shape().out().elements();
    check.residual(epilogue, residual);
    float[] x = check.activations("in", in, live, inputs);
    float[] y = check.activations("out", out, live, outputs);
    float[] r = residual == null ? null : check.activations("residual", residual, live, outputs);
    check.distinct("out", y, "in", x);
    Product product = new Product(convolution, x, epilogue, r, y);
    List<Work.Use> uses = new ArrayList<>();
    uses.add(Work.Use.byRow(x, inputs));
    uses.add(Work.Use.byRow(y, outputs));
    if (r != null) {
      uses.add(Work.Use.byRow(r, outputs));
    }
    return Work.onImages(
        live,
        convolution.shape().out(),
        (row, from, to, scratch) -> lines(product, row, from, to, scratch),
        uses);
  }

  /** Lines from (inclusive) to (exclusive) of a row's output. */
  private void lines(Product product, int row, int from, int to, Scratch scratch) {
    ConvolutionShape shape = product.map.shape();
    ImageShape out = shape.out();
    int outputs = shape.outputs();
    float[] sums = scratch.floats(SUMS, outputs);
    for (int y = from; y < to; y++) {
      for (int x = 0; x < out.width(); x++) {
        System.arraycopy(product.map.bias(), 0, sums, 0, outputs);
        sum(product, row * shape.in().elements(), y, x, sums);
        int at = row * out.elements() + (y * out.width() + x) * outputs;
        finish(product, sums, at);
      }
    }
  }

  private static void sum(Product product, int image, int y, int x, float[] sums) {
    ConvolutionShape shape = product.map.shape();
    ImageShape in = shape.in();
    float[] weights = product.map.packed();
    int inputs = shape.inputsOfGroup();
    int outputs = shape.outputs();
    int part = outputs / shape.groups();
    for (int i = 0; i < shape.kernel(); i++) {
      int line = y * shape.stride() - shape.padding() + i;
      for (int j = 0; j < shape.kernel(); j++) {
        int column = x * shape.stride() - shape.padding() + j;
        if (line < 0 || line >= in.height() || column < 0 || column >= in.width()) {
          continue;
        }
        int pixel = image + (line * in.width() + column) * in.channels();
        int weight = (i * shape.kernel() + j) * inputs * outputs;
        for (int group = 0; group < shape.groups(); group++) {
          for (int c = 0; c < inputs; c++) {
            float value = product.in[pixel + group * inputs + c];
            int at = weight + c * outputs;
            for (int o = group * part; o < (group + 1) * part; o++) {
              sums[o] = Math.fma(value, weights[at + o], sums[o]);
            }
          }
        }
      }
    }
  }

  private void finish(Product product, float[] sums, int at) {
    int outputs = product.map.shape().outputs();
    if (product.residual != null) {
      for (int o = 0; o < outputs; o++) {
        sums[o] += product.residual[at + o];
      }
    }
    for (int o = 0; o < outputs; o++) {
      product.out[at + o] =
          switch (product.epilogue) {
            case BIAS, BIAS_RESIDUAL -> sums[o];
            case BIAS_GELU -> Gelu.of(sums[o]);
            case BIAS_RELU, BIAS_RESIDUAL_RELU -> Math.max(sums[o], 0);
          };
    }
  }
}
