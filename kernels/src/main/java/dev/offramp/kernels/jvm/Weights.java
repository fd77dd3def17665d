package dev.offramp.kernels.jvm;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.offramp.kernels.DataType;
import java.lang.foreign.MemorySegment;

/** Weights as models store them. */
final class Weights {
  private Weights() {}

  /** Fills {@code values} with the weights from number {@code first} on, as F32. */
  static void read(MemorySegment weight, DataType type, long first, float[] values) {
    long start = first * type.bytes();
    if (type == DataType.F32) {
      MemorySegment.copy(weight, JAVA_FLOAT_UNALIGNED, start, values, 0, values.length);
      return;
    }
    for (int k = 0; k < values.length; k++) {
      short bits = weight.get(JAVA_SHORT_UNALIGNED, start + 2L * k);
      values[k] =
          type == DataType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
    }
  }
}
