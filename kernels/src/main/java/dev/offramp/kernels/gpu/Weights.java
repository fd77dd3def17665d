package dev.offramp.kernels.gpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.offramp.kernels.DataType;
import java.lang.foreign.MemorySegment;

/** Reads numbers of a model's file and writes them as a device holds them. */
final class Weights {
  private Weights() {}

  static float get(MemorySegment source, DataType type, long i) {
    return switch (type) {
      case F32 -> source.get(JAVA_FLOAT_UNALIGNED, 4 * i);
      case F16 -> Float.float16ToFloat(source.get(JAVA_SHORT_UNALIGNED, 2 * i));
      case BF16 -> Float.intBitsToFloat(source.get(JAVA_SHORT_UNALIGNED, 2 * i) << 16);
      case I32 -> throw new IllegalArgumentException("weights cannot be I32");
    };
  }

  /** Puts a number as F32 or F16. */
  static void put(MemorySegment target, DataType held, long i, float value) {
    if (held == DataType.F16) {
      target.setAtIndex(JAVA_SHORT, i, Float.floatToFloat16(value));
    } else {
      target.setAtIndex(JAVA_FLOAT, i, value);
    }
  }

  /** A bias of that many outputs, filled up with zeros; all zeros where the source is null. */
  static float[] bias(MemorySegment source, int outputs, int padded) {
    float[] biases = new float[padded];
    if (source != null) {
      MemorySegment.copy(source, JAVA_FLOAT_UNALIGNED, 0, biases, 0, outputs);
    }
    return biases;
  }
}
