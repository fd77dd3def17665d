package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.Normalization;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;

/**
 * One device's side of a case. Both sides draw the same numbers and hand in their outputs in the
 * same order. What a case opens here is closed with the side.
 */
final class Side implements AutoCloseable {
  /** What outputs hold beforehand; a half can say it too. */
  static final float POISON = 12344;

  final Device device;
  final Random random;
  private final boolean halves;
  private final List<Output> outputs = new ArrayList<>();
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  /**
   * Values that the other side must have too.
   *
   * @param exact whether to the bit, whatever the case's tolerance
   */
  record Output(String name, float[] values, boolean exact) {}

  /**
   * @param halves whether the device under test keeps activations in F16: both sides are then given
   *     numbers that a half can hold
   */
  Side(Device device, long seed, boolean halves) {
    this.device = device;
    this.halves = halves;
    random = new Random(seed);
  }

  List<Output> outputs() {
    return outputs;
  }

  void output(String name, float... values) {
    outputs.add(new Output(name, values, false));
  }

  void exactly(String name, int... values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = values[i];
    }
    outputs.add(new Output(name, floats, true));
  }

  /** Values that must be the same bits. */
  void bits(String name, float... values) {
    outputs.add(new Output(name, values, true));
  }

  /** A fact that holds on every device, whatever the other side says. */
  static void require(boolean fact, String otherwise, Object... arguments) {
    if (!fact) {
      throw new IllegalStateException(otherwise.formatted(arguments));
    }
  }

  /** Uniform numbers in [-scale, scale] that the device under test can hold. */
  float[] numbers(int count, double scale) {
    float[] values = singles(count, scale);
    for (int i = 0; i < count; i++) {
      values[i] = rounded(values[i]);
    }
    return values;
  }

  /** Uniform numbers in [-scale, scale] for what is F32 in every precision. */
  float[] singles(int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * scale);
    }
    return values;
  }

  float rounded(float value) {
    return halves ? Float.float16ToFloat(Float.floatToFloat16(value)) : value;
  }

  /** Weights that keep values of about one at about one. */
  float[] weight(int inputs, int outputs) {
    return numbers(inputs * outputs, Math.sqrt(3.0 / inputs));
  }

  <T extends AutoCloseable> T open(T resource) {
    opened.push(resource);
    return resource;
  }

  /** A buffer of the device's type of activations. */
  Buffer activations(float[] values) {
    DataType type = device.activations();
    return upload(type, values.length, segment(type, values));
  }

  Buffer f32(float... values) {
    return upload(DataType.F32, values.length, MemorySegment.ofArray(values));
  }

  Buffer i32(int... values) {
    return upload(DataType.I32, values.length, MemorySegment.ofArray(values));
  }

  private Buffer upload(DataType type, int elements, MemorySegment values) {
    Buffer buffer = open(device.allocate(type, elements));
    device.copyIn(values, buffer, 0).await();
    return buffer;
  }

  /** Overwrites a buffer made by {@link #activations}. */
  void refill(Buffer buffer, float[] values) {
    refill(buffer, 0, values);
  }

  /** Overwrites a buffer of F32 or F16 from that element on. */
  void refill(Buffer buffer, long at, float[] values) {
    device.copyIn(segment(buffer.type(), values), buffer, at).await();
  }

  /** Weights in a type that models store them in: F32, F16 or BF16. */
  static MemorySegment stored(float[] weight, DataType type) {
    if (type != DataType.BF16) {
      return segment(type, weight);
    }
    short[] halves = new short[weight.length];
    for (int i = 0; i < weight.length; i++) {
      halves[i] = (short) (Float.floatToRawIntBits(weight[i]) >>> 16);
    }
    return MemorySegment.ofArray(halves);
  }

  private static MemorySegment segment(DataType type, float[] values) {
    if (type == DataType.F32) {
      return MemorySegment.ofArray(values);
    }
    short[] bits = new short[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToFloat16(values[i]);
    }
    return MemorySegment.ofArray(bits);
  }

  float[] floats(Buffer buffer) {
    return floats(buffer, 0, (int) buffer.elements());
  }

  /** So many elements from that one on. */
  float[] floats(Buffer buffer, long at, int count) {
    MemorySegment values =
        buffer.type() == DataType.F32
            ? MemorySegment.ofArray(new float[count])
            : MemorySegment.ofArray(new short[count]);
    device.copyOut(buffer, at, values).await();
    return floats(values, buffer.type());
  }

  /** Numbers of F32, F16 or BF16. */
  static float[] floats(MemorySegment values, DataType type) {
    if (type == DataType.F32) {
      return values.toArray(ValueLayout.JAVA_FLOAT);
    }
    short[] bits = values.toArray(ValueLayout.JAVA_SHORT);
    float[] floats = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      floats[i] =
          type == DataType.F16
              ? Float.float16ToFloat(bits[i])
              : Float.intBitsToFloat(bits[i] << 16);
    }
    return floats;
  }

  int[] ints(Buffer buffer) {
    int[] values = new int[(int) buffer.elements()];
    device.copyOut(buffer, 0, MemorySegment.ofArray(values)).await();
    return values;
  }

  /** A linear map; the bias may be null. */
  Linear linear(int inputs, int outputs, float[] weight, float[] bias) {
    MemorySegment biasSegment = bias == null ? null : MemorySegment.ofArray(bias);
    return open(
        device.linear(inputs, outputs, MemorySegment.ofArray(weight), DataType.F32, biasSegment));
  }

  /** The map of an exit head. */
  Linear head(int inputs, int classes, float[] weight, float[] bias) {
    return open(
        device.head(
            inputs,
            classes,
            MemorySegment.ofArray(weight),
            DataType.F32,
            MemorySegment.ofArray(bias)));
  }

  /** A linear map of random numbers. */
  Linear linear(int inputs, int outputs) {
    return linear(inputs, outputs, weight(inputs, outputs), numbers(outputs, 1));
  }

  Convolution convolution(ConvolutionShape shape, float[] weight, float[] bias) {
    return open(
        device.convolution(
            shape, MemorySegment.ofArray(weight), DataType.F32, MemorySegment.ofArray(bias)));
  }

  /** A convolution of random numbers. */
  Convolution convolution(ConvolutionShape shape) {
    return convolution(shape, weight(shape.depth(), shape.outputs()), numbers(shape.outputs(), 1));
  }

  Normalization normalization(int width) {
    return new Normalization(f32(singles(width, 2)), f32(singles(width, 1)), 1e-3f);
  }

  /** A signal, poisoned. */
  ExitSignal signal(int capacity, int classes) {
    ExitSignal signal = open(ExitSignal.allocate(device, capacity, classes));
    refill(signal.scores(), poison(3 * capacity));
    device.copyIn(MemorySegment.ofArray(minusOnes(capacity)), signal.predictions(), 0).await();
    if (classes > 0) {
      refill(signal.probabilities(), poison(capacity * classes));
    }
    return signal;
  }

  static float[] poison(int count) {
    float[] values = new float[count];
    Arrays.fill(values, POISON);
    return values;
  }

  private static int[] minusOnes(int count) {
    int[] values = new int[count];
    Arrays.fill(values, -1);
    return values;
  }

  @Override
  public void close() {
    RuntimeException failure = null;
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (Exception e) {
        failure = e instanceof RuntimeException known ? known : new IllegalStateException(e);
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
