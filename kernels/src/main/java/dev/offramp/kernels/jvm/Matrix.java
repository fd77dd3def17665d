package dev.offramp.kernels.jvm;

/**
 * Rows in an array that are found through an index table.
 *
 * @param index element {@code index[row] * stride + column} of {@code data} is that of row, column
 */
record Matrix(float[] data, int[] index, int stride) {
  int at(int row, int column) {
    return index[row] * stride + column;
  }

  /** Copies {@code rows} rows of {@code width} elements from row, column on. */
  void copy(int row, int column, Matrix to, int toRow, int toColumn, int rows, int width) {
    for (int i = 0; i < rows; i++) {
      System.arraycopy(data, at(row + i, column), to.data, to.at(toRow + i, toColumn), width);
    }
  }
}
