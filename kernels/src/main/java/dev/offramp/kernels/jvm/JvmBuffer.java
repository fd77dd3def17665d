package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import java.lang.foreign.MemorySegment;

/** A Java array: float[] for F32, int[] for I32, short[] for the 16-bit types. */
final class JvmBuffer implements Buffer {
  final Memory memory;
  private final DataType type;
  private final int elements;
  private Object array;

  JvmBuffer(Memory memory, DataType type, int elements) {
    this.memory = memory;
    this.type = type;
    this.elements = elements;
    array =
        switch (type) {
          case F32 -> new float[elements];
          case I32 -> new int[elements];
          case F16, BF16 -> new short[elements];
        };
    memory.add(bytes());
  }

  @Override
  public DataType type() {
    return type;
  }

  @Override
  public long elements() {
    return elements;
  }

  boolean closed() {
    return array == null;
  }

  /** The array of an F32 buffer. */
  float[] floats() {
    return (float[]) array;
  }

  /** The array of an I32 buffer. */
  int[] ints() {
    return (int[]) array;
  }

  MemorySegment segment() {
    return switch (array) {
      case float[] floats -> MemorySegment.ofArray(floats);
      case int[] ints -> MemorySegment.ofArray(ints);
      default -> MemorySegment.ofArray((short[]) array);
    };
  }

  private long bytes() {
    return (long) elements * type.bytes();
  }

  @Override
  public void close() {
    if (array != null) {
      array = null;
      memory.add(-bytes());
    }
  }
}
