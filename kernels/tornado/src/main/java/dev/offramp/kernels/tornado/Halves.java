package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/** Halves in memory as floats, for the kernels that HalfGenerator writes. */
final class Halves {
  private Halves() {}

  static float get(HalfFloatArray array, int at) {
    return array.get(at).getFloat32();
  }

  /** Rounds to nearest, ties to even. */
  static void set(HalfFloatArray array, int at, float value) {
    array.set(at, new HalfFloat(value));
  }
}
