package dev.offramp.kernels.jvm;

/** Arrays that one thread works in. They grow to the largest size asked for and keep old values. */
final class Scratch {
  private final float[][] arrays = new float[4][0];

  float[] floats(int slot, int size) {
    if (arrays[slot].length < size) {
      arrays[slot] = new float[size];
    }
    return arrays[slot];
  }
}
