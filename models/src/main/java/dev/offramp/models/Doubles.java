package dev.offramp.models;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Weights of 64 bits, which no device computes with. */
final class Doubles {
  private Doubles() {}

  /**
   * An F64 tensor rounded to F32; other types as they are.
   *
   * @param name in the file
   * @throws InputException if a number is too large for F32
   */
  static Tensor rounded(Path file, String name, Tensor tensor, Arena arena) {
    if (tensor.type() != TensorType.F64) {
      return tensor;
    }
    MemorySegment floats = Tensor.allocateF32(arena, tensor.elements());
    for (long i = 0; i < tensor.elements(); i++) {
      double exact = tensor.doubleAt(i);
      float value = (float) exact;
      if (Float.isInfinite(value) && Double.isFinite(exact)) {
        throw InputException.in(
            file,
            name,
            "holds %s, which is out of the range of F32; store weights that F32 can hold"
                .formatted(exact));
      }
      floats.setAtIndex(Tensor.FLOAT, i, value);
    }
    return new Tensor(tensor.name(), TensorType.F32, tensor.shape(), floats);
  }
}
