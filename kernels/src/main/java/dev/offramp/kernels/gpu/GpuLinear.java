package dev.offramp.kernels.gpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Weights on the device: [outputs, inputs] of the type asked for, or for processors F32 panels
 * [outputs / 32, inputs, 32] filled up with zeros. The bias is F32, with a copy of the weights'
 * type for the vendor's library.
 */
final class GpuLinear implements Linear {
  private static final int PANEL = 32;

  final Heap heap;
  private final int inputs;
  private final int outputs;
  private final DataType stored;
  private Memory weight;
  private Memory bias;
  private Memory narrowBias; // null where the bias has the weights' type already

  GpuLinear(
      Heap heap,
      Staging staging,
      DataType stored,
      int inputs,
      int outputs,
      MemorySegment source,
      DataType type,
      MemorySegment sourceBias) {
    this.heap = heap;
    this.inputs = inputs;
    this.outputs = outputs;
    boolean panels = heap.driver.traits().processor();
    int padded = panels ? Math.ceilDiv(outputs, PANEL) * PANEL : outputs;
    this.stored = stored;
    DataType held = panels ? DataType.F32 : stored;
    try (Arena arena = Arena.ofConfined()) {
      weight = heap.allocate((long) padded * inputs * held.bytes());
      bias = heap.allocate(4L * padded);
      float[] biases = Weights.bias(sourceBias, outputs, padded);
      staging.upload(MemorySegment.ofArray(biases), bias, 0);
      if (held == DataType.F16) {
        narrowBias = heap.allocate(2L * padded);
        staging.upload(MemorySegment.ofArray(halves(biases)), narrowBias, 0);
      }
      staging.upload(
          panels ? panels(arena, source, type, padded) : lines(arena, source, type, held),
          weight,
          0);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private MemorySegment lines(Arena arena, MemorySegment source, DataType type, DataType stored) {
    if (type == stored) {
      return source;
    }
    long elements = (long) inputs * outputs;
    MemorySegment target = arena.allocate(elements * stored.bytes(), 64);
    for (long i = 0; i < elements; i++) {
      Weights.put(target, stored, i, Weights.get(source, type, i));
    }
    return target;
  }

  private MemorySegment panels(Arena arena, MemorySegment source, DataType type, int padded) {
    MemorySegment target = arena.allocate(4L * padded * inputs, 64); // zeroed
    for (int n = 0; n < outputs; n++) {
      long at = (long) (n / PANEL) * inputs * PANEL + n % PANEL;
      for (int k = 0; k < inputs; k++, at += PANEL) {
        target.setAtIndex(JAVA_FLOAT, at, Weights.get(source, type, (long) n * inputs + k));
      }
    }
    return target;
  }

  private static short[] halves(float[] values) {
    short[] halves = new short[values.length];
    for (int i = 0; i < values.length; i++) {
      halves[i] = Float.floatToFloat16(values[i]);
    }
    return halves;
  }

  @Override
  public int inputs() {
    return inputs;
  }

  @Override
  public int outputs() {
    return outputs;
  }

  /** The type that was asked for. */
  DataType stored() {
    return stored;
  }

  /** Null once closed. */
  Memory weight() {
    return weight;
  }

  Memory bias() {
    return bias;
  }

  /** The bias in the weights' type. */
  Memory narrowBias() {
    return narrowBias == null ? bias : narrowBias;
  }

  @Override
  public void close() {
    List<Memory> freed = Arrays.asList(weight, bias, narrowBias); // with nulls
    weight = null;
    bias = null;
    narrowBias = null;
    freed.forEach(heap::free);
  }
}
