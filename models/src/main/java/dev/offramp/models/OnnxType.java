package dev.offramp.models;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Types of values and initializers of an ONNX graph (TensorProto.DataType of onnx.proto). */
enum OnnxType {
  F32(1, Float.BYTES),
  I32(6, Integer.BYTES),
  I64(7, Long.BYTES),
  BOOL(9, Byte.BYTES),
  F16(10, Short.BYTES);

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final float LEAST_F16 = -65_504;

  private final int number;
  private final int bytes;

  OnnxType(int number, int bytes) {
    this.number = number;
    this.bytes = bytes;
  }

  /** As ONNX files have it. */
  int number() {
    return number;
  }

  /** Of an element. */
  int bytes() {
    return bytes;
  }

  /** The least finite number of a type of floats. */
  float least() {
    return this == F16 ? LEAST_F16 : -Float.MAX_VALUE;
  }

  /**
   * Floats in this type, F32 or F16, to the nearest, ties to even.
   *
   * @param floats F32, which are passed on as they are where that is the type
   */
  MemorySegment of(MemorySegment floats, Arena arena) {
    if (this == F32) {
      return floats;
    }
    long elements = floats.byteSize() / Float.BYTES;
    MemorySegment halves = arena.allocate(elements * Short.BYTES, Short.BYTES);
    for (long i = 0; i < elements; i++) {
      halves.setAtIndex(SHORT, i, Float.floatToFloat16(floats.getAtIndex(Tensor.FLOAT, i)));
    }
    return halves;
  }
}
