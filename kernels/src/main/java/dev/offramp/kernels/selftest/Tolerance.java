package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Precision;

/**
 * Largest error that is put down to rounding, relative to max(1, |expected|), for inputs of about
 * one. The device's own rounding counts alone, since it is compared with doubles. Both sides are
 * given the same numbers: where activations are F16, inputs, weights and biases are rounded to
 * halves first.
 *
 * <p>u = 2^-11 is the largest relative error of a number rounded to a half or to TF32; both have 10
 * bits after the point.
 */
enum Tolerance {
  /** Bytes and row numbers: none. */
  EXACT,
  /**
   * Pooling and exit heads, which are F32 in every precision. In F32 the sums of products are what
   * errs most: each addition rounds by a root mean square of 0.41 * 2^-24 of what has been summed,
   * 0.8 with its bias; of 1536 terms that is 0.8e-6, 6 sigma 4.6e-6, which is what is seen. Four
   * times that is allowed, for other ways to sum up, as Winograd's.
   */
  F32,
  /**
   * What writes activations without a product of matrices. F16: the result is rounded once, by u,
   * and twice that is allowed.
   */
  ROUNDED,
  /**
   * A matrix product. F16: products of halves are exact in F32, so only results are rounded. Where
   * the epilogue is a pass of its own, the value before it is rounded too; it may be nearly 4,
   * which is 2 u, and GELU makes at most 1.13 times that of it. With the result's own u that is
   * below 4 u.
   *
   * <p>TF32: a factor's relative error has a root mean square of 0.41 u, rounded to the nearest or
   * cut off, a product of two that times sqrt 2. The terms of a sum, whose weights keep values of
   * about one at about one, add up like independent ones: 0.58 * 0.58 u, 6 sigma of it 2 u. Cutting
   * off adds 1.4 u of the result, as a bias. For a single term the worst case is 2 * 2 u * sqrt 3 *
   * 1.13 = 7.8 u. Hence 8 u.
   */
  PRODUCT,
  /**
   * Attention to values up to 2. F16: weights rounded to halves move the mean of the values by at
   * most 2 u, the result's own rounding is u: 4 u. TF32: a score is a product as above with 2.3
   * times as large a sum, 5 u at 6 sigma, and 1.4 u of scores up to 6; an output moves by the
   * scores' errors times the spread of the values, of which the softmax's mean leaves a part: 16 u.
   */
  ATTENTION;

  private static final double SINGLE = 2e-5;
  private static final double U = 0x1p-11;

  double of(Precision precision) {
    return switch (this) {
      case EXACT -> 0;
      case F32 -> SINGLE;
      case ROUNDED -> precision == Precision.F16 ? 2 * U : SINGLE;
      case PRODUCT ->
          switch (precision) {
            case F32 -> SINGLE;
            case TF32 -> 8 * U;
            case F16 -> 4 * U;
          };
      case ATTENTION ->
          switch (precision) {
            case F32 -> SINGLE;
            case TF32 -> 16 * U;
            case F16 -> 4 * U;
          };
    };
  }
}
