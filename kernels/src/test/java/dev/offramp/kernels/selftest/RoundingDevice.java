package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Precision;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/**
 * The jvm device made to round as a graphics card does: with F16 all activations to halves, before
 * GELU and residual too, with TF32 the factors of products, by cutting off.
 */
final class RoundingDevice extends AlteredDevice {
  private static final int TF32_BITS = 0xffffe000;

  /** Widest output that is rounded before the epilogue, by a second product. */
  private static final int MOST = 400;

  private final Precision precision;
  private final Map<Integer, Linear> identities = new HashMap<>();

  /** F16 to the outside, F32 within. */
  private record Halves(Buffer floats) implements Buffer {
    @Override
    public DataType type() {
      return DataType.F16;
    }

    @Override
    public long elements() {
      return floats.elements();
    }

    @Override
    public void close() {
      floats.close();
    }
  }

  private record Rounded(Linear whole, Linear factors) implements Linear {
    @Override
    public int inputs() {
      return whole.inputs();
    }

    @Override
    public int outputs() {
      return whole.outputs();
    }

    @Override
    public void close() {
      whole.close();
      factors.close();
    }
  }

  RoundingDevice(Device jvm, Precision precision) {
    super(jvm);
    this.precision = precision;
  }

  @Override
  public DeviceInfo info() {
    DeviceInfo i = device.info();
    return new DeviceInfo(
        "cuda:0", i.description(), i.memoryBytes(), i.computeUnits(), precision, i.note());
  }

  @Override
  public Buffer allocate(DataType type, long elements) {
    return type == DataType.F16
        ? new Halves(device.allocate(DataType.F32, elements))
        : device.allocate(type, elements);
  }

  @Override
  public Event copyIn(MemorySegment source, Buffer target, long at) {
    if (!(target instanceof Halves halves)) {
      return device.copyIn(source, target, at);
    }
    float[] values = new float[(int) source.byteSize() / 2];
    MemorySegment bits = MemorySegment.ofArray(new short[values.length]).copyFrom(source);
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.float16ToFloat(((short[]) bits.heapBase().orElseThrow())[i]);
    }
    return device.copyIn(MemorySegment.ofArray(values), halves.floats, at);
  }

  @Override
  public Event copyOut(Buffer source, long at, MemorySegment target) {
    if (!(source instanceof Halves halves)) {
      return device.copyOut(source, at, target);
    }
    float[] values = new float[(int) target.byteSize() / 2];
    device.copyOut(halves.floats, at, MemorySegment.ofArray(values)).await();
    short[] bits = new short[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToFloat16(values[i]);
    }
    target.copyFrom(MemorySegment.ofArray(bits));
    return Event.DONE;
  }

  @Override
  public Linear linear(
      int inputs, int outputs, MemorySegment weight, DataType type, MemorySegment bias) {
    Linear whole = device.linear(inputs, outputs, weight, type, bias);
    if (precision != Precision.TF32 || type != DataType.F32) {
      return new Rounded(whole, whole);
    }
    return new Rounded(whole, device.linear(inputs, outputs, rounded(weight), type, bias));
  }

  private MemorySegment rounded(MemorySegment weight) {
    return MemorySegment.ofArray(round(weight.toArray(ValueLayout.JAVA_FLOAT)));
  }

  @Override
  public Convolution convolution(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
    boolean cut = precision == Precision.TF32 && type == DataType.F32;
    return device.convolution(shape, cut ? rounded(weight) : weight, type, bias);
  }

  @Override
  void convolved(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    try (Buffer copy = precision == Precision.TF32 ? roundedCopy(in) : null) {
      device.convolve(rows, map, copy == null ? in : copy, epilogue, residual, out);
    }
  }

  @Override
  Buffer inner(Buffer buffer) {
    return buffer instanceof Halves halves ? halves.floats : buffer;
  }

  /** Heads stay in F32. */
  @Override
  Linear inner(Linear map) {
    return ((Rounded) map).whole;
  }

  @Override
  void multiply(
      LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    Linear factors = ((Rounded) map).factors;
    try (Buffer copy = precision == Precision.TF32 ? roundedCopy(in) : null;
        Buffer product = device.allocate(DataType.F32, out.elements())) {
      Buffer x = copy == null ? in : copy;
      if (precision == Precision.TF32 || epilogue == Epilogue.BIAS || map.outputs() > MOST) {
        device.gemm(rows, factors, x, epilogue, residual, out);
        return;
      }
      device.gemm(rows, factors, x, Epilogue.BIAS, null, product);
      round(product);
      if (finite(product)) {
        device.gemm(rows, identity(map.outputs()), product, epilogue, residual, out);
      } else {
        device.gemm(rows, factors, x, epilogue, residual, out);
      }
    }
  }

  private Linear identity(int size) {
    return identities.computeIfAbsent(
        size,
        n -> {
          float[] one = new float[n * n];
          for (int i = 0; i < n; i++) {
            one[i * n + i] = 1;
          }
          return device.linear(n, n, MemorySegment.ofArray(one), DataType.F32, null);
        });
  }

  @Override
  void attend(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out) {
    try (Buffer copy = precision == Precision.TF32 ? roundedCopy(qkv) : null) {
      device.attention(rows, heads, headSize, copy == null ? qkv : copy, out);
    }
  }

  @Override
  void after(String operation, LiveRows rows, Buffer... outs) {
    for (Buffer out : outs) {
      if (out instanceof Halves halves) {
        round(halves.floats);
      }
    }
  }

  private Buffer roundedCopy(Buffer in) {
    Buffer copy = device.allocate(DataType.F32, in.elements());
    device.copyIn(MemorySegment.ofArray(round(floats(in))), copy, 0).await();
    return copy;
  }

  private void round(Buffer buffer) {
    device.copyIn(MemorySegment.ofArray(round(floats(buffer))), buffer, 0).await();
  }

  private boolean finite(Buffer buffer) {
    for (float value : floats(buffer)) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  private float[] floats(Buffer buffer) {
    float[] values = new float[(int) buffer.elements()];
    device.copyOut(buffer, 0, MemorySegment.ofArray(values)).await();
    return values;
  }

  private float[] round(float[] values) {
    for (int i = 0; i < values.length; i++) {
      float value = values[i];
      if (precision == Precision.F16) {
        values[i] = Float.float16ToFloat(Float.floatToFloat16(value));
      } else if (Float.isFinite(value)) {
        values[i] = Float.intBitsToFloat(Float.floatToRawIntBits(value) & TF32_BITS);
      }
    }
    return values;
  }

  @Override
  public long liveBytes() {
    return device.liveBytes() - identities.values().stream().mapToLong(this::bytes).sum();
  }

  private long bytes(Linear map) {
    long before = device.liveBytes();
    float[] same = new float[map.inputs() * map.outputs()];
    Linear other =
        device.linear(map.inputs(), map.outputs(), MemorySegment.ofArray(same), DataType.F32, null);
    long size = device.liveBytes() - before;
    other.close();
    return size;
  }

  @Override
  public void close() {
    identities.values().forEach(Linear::close);
  }
}
