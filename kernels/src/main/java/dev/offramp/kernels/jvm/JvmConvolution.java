package dev.offramp.kernels.jvm;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import java.lang.foreign.MemorySegment;

/** Weights of a convolution as [kernel, kernel, inputs / groups, outputs]. */
final class JvmConvolution implements Convolution {
  final Memory memory;
  private final ConvolutionShape shape;
  private float[] packed; // (depth * outputs)
  private float[] bias; // (outputs)

  JvmConvolution(
      Memory memory,
      ConvolutionShape shape,
      MemorySegment weight,
      DataType type,
      MemorySegment bias) {
    this.memory = memory;
    this.shape = shape;
    this.bias = new float[shape.outputs()];
    if (bias != null) {
      MemorySegment.copy(bias, JAVA_FLOAT_UNALIGNED, 0, this.bias, 0, this.bias.length);
    }
    packed = new float[(int) elements(shape)];
    pack(weight, type);
    memory.add(bytes());
  }

  /** Elements of the packed weights. */
  static long elements(ConvolutionShape shape) {
    return (long) shape.depth() * shape.outputs();
  }

  private void pack(MemorySegment weight, DataType type) {
    int inputs = shape.inputsOfGroup();
    int square = shape.kernel() * shape.kernel();
    float[] row = new float[shape.depth()]; // (inputs, kernel, kernel)
    for (int output = 0; output < shape.outputs(); output++) {
      Weights.read(weight, type, (long) output * row.length, row);
      for (int i = 0; i < inputs; i++) {
        for (int at = 0; at < square; at++) {
          packed[(at * inputs + i) * shape.outputs() + output] = row[i * square + at];
        }
      }
    }
  }

  @Override
  public ConvolutionShape shape() {
    return shape;
  }

  float[] packed() {
    return packed;
  }

  float[] bias() {
    return bias;
  }

  boolean closed() {
    return packed == null;
  }

  private long bytes() {
    return 4L * (elements(shape) + shape.outputs());
  }

  @Override
  public void close() {
    if (packed != null) {
      packed = null;
      bias = null;
      memory.add(-bytes());
    }
  }
}
