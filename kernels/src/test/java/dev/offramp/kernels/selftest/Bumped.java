package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.LiveRows;
import java.lang.foreign.MemorySegment;

/** Changes what one operation has written. */
abstract class Bumped extends AlteredDevice {
  private final String operation;

  Bumped(Device jvm, String operation) {
    super(jvm);
    this.operation = operation;
  }

  abstract void bump(LiveRows rows, Buffer... outs);

  @Override
  final void after(String called, LiveRows rows, Buffer... outs) {
    if (called.equals(operation) && rows.count() > 0) {
      bump(rows, outs);
    }
  }

  final float[] floats(Buffer buffer) {
    float[] values = new float[(int) buffer.elements()];
    device.copyOut(buffer, 0, MemorySegment.ofArray(values)).await();
    return values;
  }

  final void add(Buffer buffer, int at, float value) {
    float[] values = floats(buffer);
    values[at] += value;
    device.copyIn(MemorySegment.ofArray(values), buffer, 0).await();
  }
}
