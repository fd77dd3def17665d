package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.selftest.Faults.Fault;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.UnaryOperator;

/** Devices on which one thing about images has gone wrong. */
final class ImageFaults {
  private ImageFaults() {}

  static List<Fault> all() {
    return List.of(
        new Fault(
            "convolve BIAS", "the bias is left out", jvm -> uploading(jvm, w -> w, t -> t, true)),
        new Fault(
            "convolve BIAS",
            "BF16 is read as F16",
            jvm -> uploading(jvm, w -> w, t -> t == DataType.BF16 ? DataType.F16 : t, false)),
        new Fault(
            "convolve BIAS",
            "kernels are mirrored",
            jvm -> uploading(jvm, ImageFaults::mirrored, t -> t, false)),
        new Fault(
            "convolve BIAS_RESIDUAL",
            "the residual is left out",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  void convolved(
                      LiveRows rows, Convolution map, Buffer in, Epilogue e, Buffer r, Buffer out) {
                    device.convolve(rows, map, in, Epilogue.BIAS, null, out);
                  }
                }),
        new Fault(
            "maxPool",
            "the padding counts",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public void maxPool(
                      LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
                    super.maxPool(rows, window, in, out);
                    if (window.padding() > 0) {
                      float[] values = new float[(int) out.elements()];
                      device.copyOut(out, 0, MemorySegment.ofArray(values)).await();
                      for (int row : rows.rows()) {
                        int at = row * window.out().elements();
                        values[at] = Math.max(values[at], 0);
                      }
                      device.copyIn(MemorySegment.ofArray(values), out, 0).await();
                    }
                  }
                }),
        new Fault(
            "gridPool",
            "lines and columns are exchanged",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public void gridPool(
                      LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
                    ImageShape other =
                        new ImageShape(image.width(), image.height(), image.channels());
                    super.gridPool(rows, other, grid, in, out);
                  }
                }),
        new Fault(
            "shortcut",
            "the stride is 1 too small",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public void shortcut(
                      LiveRows rows, ImageShape image, int stride, int c, Buffer in, Buffer out) {
                    // The smaller image that this stride makes as large an output of.
                    int smaller = Math.max(1, stride - 1);
                    int height = Math.ceilDiv(image.height(), stride) * smaller;
                    int width = Math.ceilDiv(image.width(), stride) * smaller;
                    ImageShape other = new ImageShape(height, width, image.channels());
                    super.shortcut(rows, other, smaller, c, in, out);
                  }
                }));
  }

  private static Device uploading(
      Device jvm,
      UnaryOperator<float[]> weights,
      UnaryOperator<DataType> types,
      boolean withoutBias) {
    return new AlteredDevice(jvm) {
      @Override
      public Convolution convolution(
          ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
        MemorySegment read = weight;
        if (type == DataType.F32) {
          read = MemorySegment.ofArray(weights.apply(weight.toArray(ValueLayout.JAVA_FLOAT)));
        }
        return device.convolution(shape, read, types.apply(type), withoutBias ? null : bias);
      }
    };
  }

  private static float[] mirrored(float[] weight) {
    float[] other = new float[weight.length];
    for (int i = 0; i < other.length; i++) {
      other[i] = weight[weight.length - 1 - i];
    }
    return other;
  }
}
