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
}
