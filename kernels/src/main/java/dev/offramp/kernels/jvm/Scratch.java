package dev.offramp.kernels.jvm;

import java.util.Arrays;

/** Arrays that one thread works in. They grow to the largest size asked for and keep old values. */
final class Scratch {
  private static final int SLOTS = 4;
  private static final int[] IDENTITY = Gemm.identity(InnerLoops.TILE_ROWS);

  private final float[][] arrays = new float[SLOTS][0];
  private final Matrix[][] tiles = new Matrix[SLOTS][0]; // (slots, strides), made when asked for

  float[] floats(int slot, int size) {
    if (arrays[slot].length < size) {
      arrays[slot] = new float[size];
    }
    return arrays[slot];
  }

  /** The array of a slot as one tile of rows of that stride. */
  Matrix tile(int slot, int stride) {
    float[] array = floats(slot, InnerLoops.TILE_ROWS * stride);
    if (tiles[slot].length <= stride) {
      tiles[slot] = Arrays.copyOf(tiles[slot], stride + 1);
    }
    Matrix tile = tiles[slot][stride];
    if (tile == null || tile.data() != array) {
      tile = new Matrix(array, IDENTITY, stride);
      tiles[slot][stride] = tile;
    }
    return tile;
  }
}
