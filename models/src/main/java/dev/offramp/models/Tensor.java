package dev.offramp.models;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * A named block of numbers, row-major.
 *
 * @param shape sizes, outermost first; empty for a scalar
 * @param data exactly the elements, little endian, not necessarily aligned; lives as long as the
 *     arena it was read or allocated in
 */
public record Tensor(String name, TensorType type, List<Long> shape, MemorySegment data) {
  private static final int BLOCK = 4096;

  /** Elements of F32, aligned or not. */
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * @throws IllegalArgumentException if data is not exactly shape's product times the type's size
   */
  public Tensor {
    shape = List.copyOf(shape);
    long bytes = type.bytes();
    for (long size : shape) {
      if (size < 0) {
        throw new IllegalArgumentException(name + ": negative size in shape " + shape);
      }
      bytes = Math.multiplyExact(bytes, size);
    }
    if (bytes != data.byteSize()) {
      throw new IllegalArgumentException(
          name + ": shape " + shape + " needs " + bytes + " bytes, given " + data.byteSize());
    }
  }

  /** An F32 tensor with a copy of the values, on the Java heap. */
  public static Tensor ofFloats(String name, float[] values, long... shape) {
    MemorySegment data = MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, 4)]);
    MemorySegment.copy(values, 0, data, FLOAT, 0, values.length);
    return new Tensor(name, TensorType.F32, boxed(shape), data);
  }

  /** Memory for so many elements of F32. */
  static MemorySegment allocateF32(Arena arena, long elements) {
    return arena.allocate(Math.multiplyExact(elements, 4L), 64);
  }

  static List<Long> boxed(long... shape) {
    return Arrays.stream(shape).boxed().toList();
  }

  /** Number of elements. */
  public long elements() {
    return data.byteSize() / type.bytes();
  }

  public Tensor named(String other) {
    return new Tensor(other, type, shape, data);
  }

  /** Element i as a float; F64 is rounded, integer types are converted, U8 is unsigned. */
  public float floatAt(long i) {
    return switch (type) {
      case F64 -> (float) doubleAt(i);
      case F32 -> data.getAtIndex(FLOAT, i);
      case F16 -> Float.float16ToFloat(data.getAtIndex(SHORT, i));
      case BF16 -> Float.intBitsToFloat(data.getAtIndex(SHORT, i) << 16);
      case I64 -> data.getAtIndex(LONG, i);
      case I32 -> data.getAtIndex(INT, i);
      case I8 -> data.get(ValueLayout.JAVA_BYTE, i);
      case U8 -> data.get(ValueLayout.JAVA_BYTE, i) & 0xff;
    };
  }

  /** Element i of an F64 tensor. */
  double doubleAt(long i) {
    return data.getAtIndex(DOUBLE, i);
  }

  /** Element i of an integer tensor. */
  long longAt(long i) {
    return switch (type) {
      case I64 -> data.getAtIndex(LONG, i);
      case I32 -> data.getAtIndex(INT, i);
      case I8 -> data.get(ValueLayout.JAVA_BYTE, i);
      case U8 -> data.get(ValueLayout.JAVA_BYTE, i) & 0xff;
      default -> throw new IllegalStateException(name + " is " + type + ", not integer");
    };
  }

  /** All elements as floats. */
  public float[] toFloats() {
    float[] floats = new float[Math.toIntExact(elements())];
    if (type == TensorType.F32) {
      MemorySegment.copy(data, FLOAT, 0, floats, 0, floats.length);
    } else {
      for (int i = 0; i < floats.length; i++) {
        floats[i] = floatAt(i);
      }
    }
    return floats;
  }

  /**
   * The elements as little-endian floats aligned for {@link ValueLayout#JAVA_FLOAT}: this tensor's
   * own memory if it already is that, else a copy in the arena.
   */
  public MemorySegment toF32(Arena arena) {
    if (type == TensorType.F32 && data.isNative() && data.address() % 4 == 0) {
      return data;
    }
    return copyF32(arena);
  }

  /** A copy of the elements as aligned little-endian floats. */
  MemorySegment copyF32(Arena arena) {
    MemorySegment copy = allocateF32(arena, elements());
    if (type == TensorType.F32) {
      copy.copyFrom(data);
    } else {
      for (long i = 0; i < elements(); i++) {
        copy.setAtIndex(FLOAT, i, floatAt(i));
      }
    }
    return copy;
  }

  /** True if no element is NaN or infinite; integers always are finite. */
  boolean isFinite() {
    return switch (type) {
      case F64 -> LongStream.range(0, elements()).allMatch(i -> Double.isFinite(doubleAt(i)));
      case F32 -> isFinite32();
      case F16 -> isFinite16(0x7c00);
      case BF16 -> isFinite16(0x7f80);
      default -> true;
    };
  }

  // NaN and infinity are the bit patterns whose exponent is all ones: without the sign, the
  // largest. Blocks on the heap make loops the compiler turns into vector code.

  private boolean isFinite32() {
    int[] block = new int[BLOCK];
    for (long at = 0; at < elements(); at += BLOCK) {
      int n = (int) Math.min(BLOCK, elements() - at);
      MemorySegment.copy(data, INT, 4 * at, block, 0, n);
      int max = 0;
      for (int i = 0; i < n; i++) {
        max = Math.max(max, block[i] & 0x7fffffff);
      }
      if (max >= 0x7f800000) {
        return false;
      }
    }
    return true;
  }

  private boolean isFinite16(int infinity) {
    short[] block = new short[BLOCK];
    for (long at = 0; at < elements(); at += BLOCK) {
      int n = (int) Math.min(BLOCK, elements() - at);
      MemorySegment.copy(data, SHORT, 2 * at, block, 0, n);
      int max = 0;
      for (int i = 0; i < n; i++) {
        max = Math.max(max, block[i] & 0x7fff);
      }
      if (max >= infinity) {
        return false;
      }
    }
    return true;
  }
}
