package dev.offramp.kernels.tornado;

import uk.ac.manchester.tornado.api.types.vectors.Float16;

/** Vectors of sixteen floats, which processors have. */
final class Vectors {
  private Vectors() {}

  /** A number in each place. Products with it are one operation, those with a float sixteen. */
  static Float16 all(float v) {
    return new Float16(v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v);
  }

  /** Sum of the elements. */
  static float sum(Float16 v) {
    float a = (v.getS0() + v.getS8()) + (v.getS4() + v.getS12());
    float b = (v.getS1() + v.getS9()) + (v.getS5() + v.getS13());
    float c = (v.getS2() + v.getS10()) + (v.getS6() + v.getS14());
    float d = (v.getS3() + v.getS11()) + (v.getS7() + v.getS15());
    return (a + c) + (b + d);
  }

  /** Writes the elements from that place on. */
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
