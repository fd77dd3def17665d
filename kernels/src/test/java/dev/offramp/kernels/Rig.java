package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;

/** A device under test; closes all that was opened and wants the gauge back at zero then. */
final class Rig implements AutoCloseable {
  final Device device;
  final Random random;
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  Rig(Device device, long seed) {
    this.device = device;
    random = new Random(seed);
    assertThat(device.liveBytes()).isZero();
  }

  <T extends AutoCloseable> T open(T resource) {
    opened.push(resource);
    return resource;
  }

  Buffer upload(float... values) {
    Buffer buffer = open(device.allocate(DataType.F32, values.length));
    device.copyIn(MemorySegment.ofArray(values), buffer, 0).await();
    return buffer;
  }

  Buffer upload(int... values) {
    Buffer buffer = open(device.allocate(DataType.I32, values.length));
    device.copyIn(MemorySegment.ofArray(values), buffer, 0).await();
    return buffer;
  }

  float[] floats(Buffer buffer) {
    float[] values = new float[(int) buffer.elements()];
    device.copyOut(buffer, 0, MemorySegment.ofArray(values)).await();
    return values;
  }

  /** Uniform numbers in [-scale, scale]. */
  float[] numbers(int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * scale);
    }
    return values;
  }

  /** Weights that keep values of about one at about one. */
  float[] weight(int inputs, int outputs) {
    return numbers(inputs * outputs, Math.sqrt(3.0 / inputs));
  }

  Linear linear(int inputs, int outputs, float[] weight, float[] bias) {
    return open(
        device.linear(
            inputs,
            outputs,
            MemorySegment.ofArray(weight),
            DataType.F32,
            bias == null ? null : MemorySegment.ofArray(bias)));
  }

  ExitSignal signal(int capacity, int classes) {
    return open(ExitSignal.allocate(device, capacity, classes));
  }

  @Override
  public void close() {
    closeOpened();
    assertThat(device.liveBytes()).as("live bytes after closing everything").isZero();
    device.close();
  }

  /** Closes all but the device. */
  void closeOpened() {
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (Exception e) {
        throw new AssertionError("closing failed", e);
      }
    }
  }
}
