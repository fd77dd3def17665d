package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.types.vectors.Float16;

/** Vectors of sixteen floats, which processors have. */
final class Vectors {
  private Vectors() {}

  /** {@link Epilogues#gelu} of each element. */
  static Float16 gelu(Float16 x) {
    Float16 absolute = Float16.max(x, Float16.mult(x, -1.0f));
    Float16 a = least(absolute, 5.55f); // NaN is lost here, and there again in the result
    Float16 s = Float16.mult(a, a);
    Float16 p = Float16.add(Float16.mult(s, 2.1951731e-8f), 6.5569507e-6f);
    p = Float16.add(Float16.mult(p, s), 0.0001863904f);
    p = Float16.add(Float16.mult(p, s), 0.0047827978f);
    p = Float16.add(Float16.mult(p, s), 0.035486314f);
    p = Float16.add(Float16.mult(p, s), 0.39894193f);
    Float16 q = Float16.add(Float16.mult(s, 1.1896642e-6f), 7.975768e-5f);
    q = Float16.add(Float16.mult(q, s), 0.0019822635f);
    q = Float16.add(Float16.mult(q, s), 0.029595954f);
    q = Float16.add(Float16.mult(q, s), 0.2556142f);
    q = Float16.add(Float16.mult(q, s), 1.0f);
    Float16 e = Float16.mult(a, Float16.div(p, q));
    return Float16.add(Float16.mult(absolute, e), Float16.mult(x, 0.5f));
  }

  /** The smaller of each element and of that number. */
  private static Float16 least(Float16 x, float most) {
    Float16 all = Float16.add(Float16.mult(x, 0.0f), most);
    return Float16.min(x, all);
  }

  static float sum(Float16 v) {
    float a = (v.getS0() + v.getS8()) + (v.getS4() + v.getS12());
    float b = (v.getS1() + v.getS9()) + (v.getS5() + v.getS13());
    float c = (v.getS2() + v.getS10()) + (v.getS6() + v.getS14());
    float d = (v.getS3() + v.getS11()) + (v.getS7() + v.getS15());
    return (a + c) + (b + d);
  }

  static void put(float[] target, int at, Float16 v) {
    target[at] = v.getS0();
    target[at + 1] = v.getS1();
    target[at + 2] = v.getS2();
    target[at + 3] = v.getS3();
    target[at + 4] = v.getS4();
    target[at + 5] = v.getS5();
    target[at + 6] = v.getS6();
    target[at + 7] = v.getS7();
    target[at + 8] = v.getS8();
    target[at + 9] = v.getS9();
    target[at + 10] = v.getS10();
    target[at + 11] = v.getS11();
    target[at + 12] = v.getS12();
    target[at + 13] = v.getS13();
    target[at + 14] = v.getS14();
    target[at + 15] = v.getS15();
  }
}
