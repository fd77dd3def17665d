package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** What kernels of products do to their results; numbers are those of {@code Epilogue}. */
final class Epilogues {
  private static final int GELU = 1;
  private static final int RELU = 2;
  private static final int RESIDUAL = 3;
  private static final int RESIDUAL_RELU = 4;

  private Epilogues() {}

  /**
   * Exact GELU as x / 2 + |x| e(|x|), e(a) = erf(a / sqrt 2) / 2: a rational fit within 3e-8 up to
   * 5.55 and 1/2 further out, as on the other devices.
   */
  static float gelu(float x) {
    float absolute = TornadoMath.abs(x);
    float a = absolute;
    if (absolute > 5.55f) {
      a = 5.55f; // NaN stays
    }
    float s = a * a;
    float p = 2.1951731e-8f * s + 6.5569507e-6f;
    p = p * s + 0.0001863904f;
    p = p * s + 0.0047827978f;
    p = p * s + 0.035486314f;
    p = p * s + 0.39894193f;
    float q = 1.1896642e-6f * s + 7.975768e-5f;
    q = q * s + 0.0019822635f;
    q = q * s + 0.029595954f;
    q = q * s + 0.2556142f;
    q = q * s + 1.0f;
    return absolute * (a * (p / q)) + 0.5f * x;
  }

  /**
   * out = epilogue(out + bias), an item for each number.
   *
   * @param ints numbers, outputs, epilogue
   * @param bias (outputs)
   * @param residual as out; may be missing
   * @param out sums (.., outputs)
   */
  static void finishProduct(
      KernelContext c, IntArray ints, FloatArray bias, FloatArray residual, FloatArray out) {
    int at = c.globalIdx;
    if (at < ints.get(0)) {
      finish(ints.get(2), out.get(at) + bias.get(at % ints.get(1)), residual, out, at);
    }
  }

  /** Finishes a sum with its bias, which belongs at that place of residual and out. */
  static void finish(int epilogue, float sum, FloatArray residual, FloatArray out, int at) {
    float v = sum;
    if (epilogue == GELU) {
      v = gelu(v);
    }
    if (epilogue >= RESIDUAL) {
      v = v + residual.get(at);
    }
    if (epilogue == RELU || epilogue == RESIDUAL_RELU) {
      if (v < 0.0f) {
        v = 0.0f; // NaN stays
      }
    }
    out.set(at, v);
  }
}
