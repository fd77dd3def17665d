package dev.offramp.models;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * A matrix that may be quantised: value = (stored − zeroPoint) · scale.
 *
 * @param stored [rows, columns]
 * @param scale one for the tensor, or one a column
 * @param zeroPoint one for the tensor, or one a column
 */
record StoredMatrix(Tensor stored, Tensor scale, Tensor zeroPoint) {
  /** A matrix stored as it is. */
  static StoredMatrix plain(Tensor stored) {
    return new StoredMatrix(
        stored, Tensor.ofFloats("one", new float[] {1}), Tensor.ofFloats("zero", new float[] {0}));
  }

  /**
   * The values as F32, [rows, columns] or [columns, rows] if transposed; empty if this is no matrix
   * or the scales do not fit it.
   */
  Optional<Tensor> toFloats(String name, boolean transpose, Arena arena) {
    if (stored.shape().size() != 2) {
      return Optional.empty();
    }
    long rows = stored.shape().get(0);
    long columns = stored.shape().get(1);
    if (!fits(scale, columns) || !fits(zeroPoint, columns)) {
      return Optional.empty();
    }
    MemorySegment target = Tensor.allocateF32(arena, stored.elements());
    for (long c = 0; c < columns; c++) {
      float factor = scale.floatAt(scale.elements() == 1 ? 0 : c);
      float zero = zeroPoint.floatAt(zeroPoint.elements() == 1 ? 0 : c);
      for (long r = 0; r < rows; r++) {
        float value = (stored.floatAt(r * columns + c) - zero) * factor;
        target.setAtIndex(Tensor.FLOAT, transpose ? c * rows + r : r * columns + c, value);
      }
    }
    List<Long> shape = transpose ? List.of(columns, rows) : stored.shape();
    return Optional.of(new Tensor(name, TensorType.F32, shape, target));
  }

  private static boolean fits(Tensor perColumn, long columns) {
    return perColumn.elements() == 1 || perColumn.elements() == columns;
  }
}
