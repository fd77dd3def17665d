package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.collections.VectorFloat16;
import uk.ac.manchester.tornado.api.types.vectors.Float16;

/** Multiply-adds on registers, sixteen sums at a time: 32 operations of each item in a round. */
final class PeakKernels {
  private PeakKernels() {}

  /**
   * @param ints rounds
   * @param floats a factor
   * @param out one number, which is never written: it keeps the sums from being dropped
   */
  static void peak(KernelContext c, IntArray ints, FloatArray floats, FloatArray out) {
    float x = floats.get(Call.FLOATS);
    int rounds = ints.get(0);
    float[] sum = new float[16];
    for (int i = 0; i < 16; i++) {
      sum[i] = c.localIdx + i;
    }
    for (int r = 0; r < rounds; r++) {
      for (int i = 0; i < 16; i++) {
        sum[i] = sum[i] * x + x;
      }
    }
    float all = 0.0f;
    for (int i = 0; i < 16; i++) {
      all = all + sum[i];
    }
    if (all == 12345.678f) {
      out.set(0, 1.0f);
    }
  }

  /** The same with vectors of sixteen floats, sums one by one: Java has no arrays of vectors. */
  static void peakVector(KernelContext c, IntArray ints, FloatArray floats, FloatArray out) {
    float x = floats.get(Call.FLOATS);
    int rounds = ints.get(0);
    VectorFloat16 numbers = new VectorFloat16(floats);
    Float16 start = numbers.get(0);
    Float16 a = start;
    Float16 b = Float16.add(start, 1.0f);
    Float16 d = Float16.add(start, 2.0f);
    Float16 e = Float16.add(start, 3.0f);
    Float16 f = Float16.add(start, 4.0f);
    Float16 g = Float16.add(start, 5.0f);
    Float16 h = Float16.add(start, 6.0f);
    Float16 k = Float16.add(start, 7.0f);
    for (int r = 0; r < 2 * rounds; r++) {
      a = Float16.add(Float16.mult(a, x), x);
      b = Float16.add(Float16.mult(b, x), x);
      d = Float16.add(Float16.mult(d, x), x);
      e = Float16.add(Float16.mult(e, x), x);
      f = Float16.add(Float16.mult(f, x), x);
      g = Float16.add(Float16.mult(g, x), x);
      h = Float16.add(Float16.mult(h, x), x);
      k = Float16.add(Float16.mult(k, x), x);
    }
    Float16 all =
        Float16.add(
            Float16.add(Float16.add(a, b), Float16.add(d, e)),
            Float16.add(Float16.add(f, g), Float16.add(h, k)));
    if (Vectors.sum(all) == 12345.678f) {
      out.set(0, 1.0f);
    }
  }
}
