package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.collections.VectorFloat16;
import uk.ac.manchester.tornado.api.types.vectors.Float16;

/**
 * out = epilogue(W in + bias) at each valid position, for processors: a work item makes six
 * positions through some panels of 32 outputs, in two vectors each.
 */
final class VectorGemmKernels {
  private static final int ROWS = 6;

  private VectorGemmKernels() {}

  /**
   * Group along x: panels, along y: positions.
   *
   * @param ints capacity, inputs, outputs, epilogue, panels of an item
   * @param panels weights (outputs / 32, inputs, 32), filled up with zeros
   * @param biases of as many outputs as there are weights
   * @param in activations (.., inputs)
   * @param residual as out; may be missing
   * @param out activations (.., outputs)
   */
  static void gemm(
      KernelContext c,
      IntArray ints,
      IntArray live,
      FloatArray panels,
      FloatArray biases,
      FloatArray in,
      FloatArray residual,
      FloatArray out) {
    float[] sums = new float[32 * ROWS];
    VectorFloat16 weight = new VectorFloat16(panels);
    VectorFloat16 bias = new VectorFloat16(biases);
    int capacity = ints.get(0);
    int inputs = ints.get(1);
    int outputs = ints.get(2);
    int epilogue = ints.get(3);
    int stride = ints.get(4);
    int first = c.groupIdy * ROWS;
    int last = live.get(RowKernels.TOKENS) - 1;
    if (first <= last) {
      int t0 = RowKernels.token(live, capacity, first);
      int t1 = RowKernels.token(live, capacity, Math.min(first + 1, last));
      int t2 = RowKernels.token(live, capacity, Math.min(first + 2, last));
      int t3 = RowKernels.token(live, capacity, Math.min(first + 3, last));
      int t4 = RowKernels.token(live, capacity, Math.min(first + 4, last));
      int t5 = RowKernels.token(live, capacity, Math.min(first + 5, last));
      int count = Math.min(ROWS, last - first + 1);
      int end = Math.min((c.groupIdx + 1) * stride, (outputs + 31) / 32);
      for (int panel = c.groupIdx * stride; panel < end; panel++) {
        Float16 left = bias.get(2 * panel);
        Float16 right = bias.get(2 * panel + 1);
        Float16 l0 = left;
        Float16 l1 = left;
        Float16 l2 = left;
        Float16 l3 = left;
        Float16 l4 = left;
        Float16 l5 = left;
        Float16 r0 = right;
        Float16 r1 = right;
        Float16 r2 = right;
        Float16 r3 = right;
        Float16 r4 = right;
        Float16 r5 = right;
        int from = 2 * panel * inputs;
        for (int k = 0; k < inputs; k++) {
          Float16 wl = weight.get(from + 2 * k);
          Float16 wr = weight.get(from + 2 * k + 1);
          Float16 x0 = Vectors.all(in.get(t0 * inputs + k));
          Float16 x1 = Vectors.all(in.get(t1 * inputs + k));
          Float16 x2 = Vectors.all(in.get(t2 * inputs + k));
          Float16 x3 = Vectors.all(in.get(t3 * inputs + k));
          Float16 x4 = Vectors.all(in.get(t4 * inputs + k));
          Float16 x5 = Vectors.all(in.get(t5 * inputs + k));
          l0 = Float16.add(l0, Float16.mult(wl, x0));
          r0 = Float16.add(r0, Float16.mult(wr, x0));
          l1 = Float16.add(l1, Float16.mult(wl, x1));
          r1 = Float16.add(r1, Float16.mult(wr, x1));
          l2 = Float16.add(l2, Float16.mult(wl, x2));
          r2 = Float16.add(r2, Float16.mult(wr, x2));
          l3 = Float16.add(l3, Float16.mult(wl, x3));
          r3 = Float16.add(r3, Float16.mult(wr, x3));
          l4 = Float16.add(l4, Float16.mult(wl, x4));
          r4 = Float16.add(r4, Float16.mult(wr, x4));
          l5 = Float16.add(l5, Float16.mult(wl, x5));
          r5 = Float16.add(r5, Float16.mult(wr, x5));
        }
        Vectors.put(sums, 0, l0);
        Vectors.put(sums, 16, r0);
        Vectors.put(sums, 32, l1);
        Vectors.put(sums, 48, r1);
        Vectors.put(sums, 64, l2);
        Vectors.put(sums, 80, r2);
        Vectors.put(sums, 96, l3);
        Vectors.put(sums, 112, r3);
        Vectors.put(sums, 128, l4);
        Vectors.put(sums, 144, r4);
        Vectors.put(sums, 160, l5);
        Vectors.put(sums, 176, r5);
        int columns = Math.min(32, outputs - 32 * panel);
        for (int m = 0; m < count; m++) {
          int to = RowKernels.token(live, capacity, first + m) * outputs + 32 * panel;
          for (int n = 0; n < columns; n++) {
            Epilogues.finish(epilogue, sums[32 * m + n], residual, out, to + n);
          }
        }
      }
    }
  }
}
