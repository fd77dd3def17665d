package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Matrix products with each epilogue. */
final class GemmCases {
  /** Capacity, positions, inputs, outputs; the last ones as libraries like them. */
  private static final int[][] SHAPES = {
    {1, 1, 1, 1},
    {1, 7, 7, 7},
    {3, 7, 127, 129},
    {19, 16, 129, 127},
    {129, 1, 7, 1},
    {5, 1, 385, 65},
    {3, 2, 800, 17},
    {2, 127, 16, 64},
    {1, 1, 384, 1536},
    {7, 129, 384, 384},
    {9, 32, 1536, 384},
  };

  private GemmCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (Epilogue epilogue : Epilogue.values()) {
      for (int[] s : SHAPES) {
        cases.add(
            product(epilogue, shape(s), side -> play(side, random(side, s), s, epilogue, false)));
      }
      cases.add(
          product(
              epilogue,
              "no live row",
              side -> play(side, Batch.none(7, 3), new int[] {7, 3, 7, 129}, epilogue, false)));
      cases.add(product(epilogue, "NaN and infinity", side -> odd(side, epilogue)));
    }
    for (int[] s : new int[][] {{4, 5, 400, 1}, {4, 5, 400, 64}, {7, 127, 129, 77}}) {
      cases.add(
          product(
              Epilogue.BIAS_RESIDUAL,
              shape(s) + " in place",
              side -> play(side, random(side, s), s, Epilogue.BIAS_RESIDUAL, true)));
    }
    cases.add(product(Epilogue.BIAS_GELU, "inputs up to 8", GemmCases::wideGelu));
    cases.add(product(Epilogue.BIAS, "without a bias", side -> stored(side, DataType.F32)));
    cases.add(product(Epilogue.BIAS, "weights stored in F16", side -> stored(side, DataType.F16)));
    cases.add(
        product(Epilogue.BIAS, "weights stored in BF16", side -> stored(side, DataType.BF16)));
    return cases;
  }

  private static Case product(Epilogue epilogue, String shape, Case.Play play) {
    return new Case("gemm " + epilogue, shape, Tolerance.PRODUCT, play);
  }

  static String shape(int[] s) {
    return "%d x %d tokens, %d to %d".formatted(s[0], s[1], s[2], s[3]);
  }

  private static Batch random(Side side, int[] s) {
    return Batch.random(side.random, s[0], s[1]);
  }

  private static void play(Side side, Batch batch, int[] s, Epilogue epilogue, boolean inPlace) {
    Linear map = side.linear(s[2], s[3]);
    Buffer in = side.activations(batch.input(side, s[2], 1));
    float[] residual = batch.input(side, s[3], 1, inPlace ? Side.POISON : Float.NaN);
    Buffer residualBuffer = epilogue.addsResidual() ? side.activations(residual) : null;
    Buffer out = inPlace ? residualBuffer : side.activations(batch.poisoned(s[3]));
    LiveRows rows = batch.load(side);

    side.device.gemm(rows, map, in, epilogue, residualBuffer, out);

    side.output("out", batch.written(side.floats(out), s[3]));
  }

  private static void odd(Side side, Epilogue epilogue) {
    Batch batch = Batch.full(3, 4);
    float[] x = batch.input(side, 5, 1);
    x[2 * 5 + 1] = Float.NaN;
    x[7 * 5] = Float.POSITIVE_INFINITY;
    x[9 * 5] = Float.NEGATIVE_INFINITY;
    float[] weight = side.weight(5, 19);
    for (int o = 0; o < 19; o++) {
      // Infinity times a weight of 0 would be NaN.
      weight[o * 5] = side.rounded(Math.abs(weight[o * 5]) + 0.1f);
    }
    Linear map = side.linear(5, 19, weight, side.numbers(19, 1));
    Buffer residual = epilogue.addsResidual() ? side.activations(batch.input(side, 19, 1)) : null;
    Buffer out = side.activations(batch.poisoned(19));

    side.device.gemm(batch.load(side), map, side.activations(x), epilogue, residual, out);

    float[] y = side.floats(out);
    if (epilogue == Epilogue.BIAS_GELU) {
      // Minus infinity times the 0 that it is weighted by: NaN or 0, as the device has it.
      Arrays.fill(y, 9 * 19, 10 * 19, 0);
    }
    side.output("out", batch.written(y, 19));
  }

  private static void wideGelu(Side side) {
    Batch batch = Batch.full(7, 127);
    Buffer in = side.activations(batch.input(side, 1, 8));
    Buffer out = side.activations(batch.poisoned(1));
    Linear map = side.linear(1, 1, new float[] {1}, new float[] {0});

    side.device.gemm(batch.load(side), map, in, Epilogue.BIAS_GELU, null, out);

    side.output("out", batch.written(side.floats(out), 1));
  }

  /** Weights of each type, without a bias. */
  private static void stored(Side side, DataType type) {
    Batch batch = Batch.random(side.random, 7, 7);
    float[] weight = side.weight(127, 33);
    Linear map = side.open(side.device.linear(127, 33, Side.stored(weight, type), type, null));
    Buffer in = side.activations(batch.input(side, 127, 1));
    Buffer out = side.activations(batch.poisoned(33));

    side.device.gemm(batch.load(side), map, in, Epilogue.BIAS, null, out);

    side.output("out", batch.written(side.floats(out), 33));
  }
}
