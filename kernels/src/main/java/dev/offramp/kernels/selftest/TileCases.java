package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.gpu.ProductKernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Matrix products by every kernel that the device could choose for them. Which of them is fastest
 * depends on the number of positions, so a row must not tell which it was: the first is compared
 * with the reference, the others with the first, to the bit.
 */
final class TileCases {
  static final String OPERATION = "gemm by each kernel";

  /**
   * Capacity, positions, inputs, outputs: of less than the smallest tile, and of several of the
   * largest with some left over. Lines of 129 inputs are not aligned, so that other kernels take
   * them than those on tensor cores.
   */
  private static final int[][] SHAPES = {
    {1, 3, 8, 7}, {75, 3, 200, 300}, {129, 7, 72, 129}, {129, 7, 129, 130}, {512, 3, 640, 385},
  };

  private static final int[] WITH_EACH_EPILOGUE = {19, 7, 48, 70};

  private TileCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (int[] s : SHAPES) {
      cases.add(product(s, Epilogue.BIAS));
    }
    for (Epilogue epilogue : Epilogue.values()) {
      cases.add(product(WITH_EACH_EPILOGUE, epilogue));
    }
    return cases;
  }

  private static Case product(int[] s, Epilogue epilogue) {
    return new Case(
        OPERATION,
        "%s, %s".formatted(GemmCases.shape(s), epilogue),
        Tolerance.PRODUCT,
        side -> play(side, s, epilogue));
  }

  private static void play(Side side, int[] s, Epilogue epilogue) {
    Batch batch = Batch.random(side.random, s[0], s[1]);
    Linear map = side.linear(s[2], s[3]);
    Buffer in = side.activations(batch.input(side, s[2], 1));
    Buffer residual = epilogue.addsResidual() ? side.activations(batch.input(side, s[3], 1)) : null;
    Buffer out = side.activations(batch.poisoned(s[3]));
    LiveRows rows = batch.load(side);
    List<String> kernels = new ArrayList<>();
    List<float[]> results = new ArrayList<>();
    ProductKernels.each(
        side.device,
        s[2],
        kernel -> {
          side.refill(out, batch.poisoned(s[3]));
          side.device.gemm(rows, map, in, epilogue, residual, out);
          kernels.add(kernel);
          results.add(batch.written(side.floats(out), s[3]));
          int differs = Arrays.mismatch(results.getLast(), results.getFirst());
          Side.require(
              differs < 0,
              "%s and %s differ at position %d, output %d",
              kernel,
              kernels.getFirst(),
              differs / s[3],
              differs % s[3]);
        });
    side.output("out", results.getFirst());
  }
}
