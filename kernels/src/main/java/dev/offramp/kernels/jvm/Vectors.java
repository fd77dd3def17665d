package dev.offramp.kernels.jvm;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The vector width, fixed when this class is loaded, and functions of vectors. */
final class Vectors {
  /** The processor's own width up to 512 bits: a wider species than it has is very slow. */
  static final VectorSpecies<Float> SPECIES =
      VectorSpecies.of(
          float.class,
          VectorShape.forBitSize(
              Integer.getInteger(
                  "offramp.vectorBits",
                  Math.clamp(FloatVector.SPECIES_PREFERRED.vectorBitSize(), 128, 512))));

  static final int LANES = SPECIES.length();

  private static final VectorShuffle<Float> SWAP_8 = swap(8);
  private static final VectorShuffle<Float> SWAP_4 = swap(4);
  private static final VectorShuffle<Float> SWAP_2 = swap(2);
  private static final VectorShuffle<Float> SWAP_1 = swap(1);

  private Vectors() {}

  /** Exchanges lanes whose numbers differ by {@code distance}. */
  private static VectorShuffle<Float> swap(int distance) {
    return VectorShuffle.fromOp(SPECIES, lane -> (lane ^ distance) % LANES);
  }

  /**
   * Sum of the lanes, always in the same order. reduceLanes leaves the order open, and interpreter
   * and compiler do take different ones: a row's result would change while the JVM warms up.
   */
  static float sum(FloatVector v) {
    if (LANES > 8) {
      v = v.add(v.rearrange(SWAP_8));
    }
    if (LANES > 4) {
      v = v.add(v.rearrange(SWAP_4));
    }
    v = v.add(v.rearrange(SWAP_2));
    return v.add(v.rearrange(SWAP_1)).lane(0);
  }

  /** The largest lane in every lane; of lanes with NaN among them it may be any. */
  static FloatVector max(FloatVector v) {
    if (LANES > 8) {
      v = larger(v, v.rearrange(SWAP_8));
    }
    if (LANES > 4) {
      v = larger(v, v.rearrange(SWAP_4));
    }
    v = larger(v, v.rearrange(SWAP_2));
    return larger(v, v.rearrange(SWAP_1));
  }

  /**
   * Lane by lane b where it is larger, else a. Comparison and blend are much cheaper than max with
   * Java's rules for NaN and zeros.
   */
  static FloatVector larger(FloatVector a, FloatVector b) {
    return a.blend(b, b.compare(VectorOperators.GT, a));
  }

  /**
   * exp(x) for x in [-87, 0] to about 2 ulp, by reduction to [-ln 2 / 2, ln 2 / 2] and a polynomial
   * (Cephes expf). NaN stays NaN.
   */
  static FloatVector exp(FloatVector x) {
    // Adding 1.5 * 2^23 rounds to an integer, which is then found in the low bits.
    FloatVector shifted = x.fma(splat(1.44269504f), splat(12582912f));
    FloatVector n = shifted.sub(12582912f);
    FloatVector r = n.fma(splat(-0.693359375f), x);
    r = n.fma(splat(2.12194440e-4f), r);
    FloatVector p = splat(1.9875691500e-4f);
    p = p.fma(r, splat(1.3981999507e-3f));
    p = p.fma(r, splat(8.3334519073e-3f));
    p = p.fma(r, splat(4.1665795894e-2f));
    p = p.fma(r, splat(1.6666665459e-1f));
    p = p.fma(r, splat(5.0000001201e-1f));
    p = p.mul(r).fma(r, r.add(1f));
    FloatVector power =
        shifted
            .reinterpretAsInts()
            .add(127)
            .lanewise(VectorOperators.LSHL, 23)
            .reinterpretAsFloats();
    return p.mul(power);
  }

  /** {@link Gelu#of}, lane by lane; a comparison lets NaN pass and is cheaper than min. */
  static FloatVector gelu(FloatVector x) {
    FloatVector absolute = x.abs();
    FloatVector a = absolute.blend(Gelu.ENOUGH, absolute.compare(VectorOperators.GT, Gelu.ENOUGH));
    FloatVector s = a.mul(a);
    FloatVector p = splat(Gelu.P5).fma(s, splat(Gelu.P4));
    p = p.fma(s, splat(Gelu.P3));
    p = p.fma(s, splat(Gelu.P2));
    p = p.fma(s, splat(Gelu.P1));
    p = p.fma(s, splat(Gelu.P0));
    FloatVector q = splat(Gelu.Q5).fma(s, splat(Gelu.Q4));
    q = q.fma(s, splat(Gelu.Q3));
    q = q.fma(s, splat(Gelu.Q2));
    q = q.fma(s, splat(Gelu.Q1));
    q = q.fma(s, splat(1f));
    return absolute.fma(a.mul(p.div(q)), x.mul(0.5f));
  }

  private static FloatVector splat(float value) {
    return FloatVector.broadcast(SPECIES, value);
  }
}
