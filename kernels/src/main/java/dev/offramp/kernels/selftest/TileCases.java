package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.gpu.ProductKernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Matrix products and convolutions by every kernel that can make them. Which of them a device takes
 * depends on the number of positions or images, so a row must not tell which it was: the first is
 * compared with the reference, the others with the first, to the bit.
 */
final class TileCases {
  static final String PRODUCT = "gemm by each kernel";
  static final String CONVOLUTION = "convolve by each kernel";

  /**
   * Capacity, positions, inputs, outputs: of less than the smallest tile, and of several of the
   * largest with some left over. Lines of 129 inputs are not aligned, so that other kernels take
   * them than those on tensor cores.
   */
  private static final int[][] SHAPES = {
    {1, 3, 8, 7}, {75, 3, 200, 300}, {129, 7, 72, 129}, {129, 7, 129, 130}, {512, 3, 640, 385},
  };

  private static final int[] WITH_EACH_EPILOGUE = {19, 7, 48, 70};

  private static final int IMAGES = 5;

  /**
   * Outputs that fill part of the smallest tile, and several of the largest with some left over.
   */
  private static final List<ConvolutionShape> CONVOLUTIONS =
      List.of(
          ConvolutionShape.same(new ImageShape(7, 5, 3), 7, 3, 1),
          ConvolutionShape.same(new ImageShape(9, 8, 16), 129, 3, 2),
          ConvolutionShape.same(new ImageShape(8, 8, 64), 64, 1, 1),
          new ConvolutionShape(new ImageShape(11, 9, 7), 270, 5, 1, 0, 1));

  private static final ConvolutionShape CONVOLUTION_WITH_EACH_EPILOGUE =
      ConvolutionShape.same(new ImageShape(5, 6, 16), 70, 3, 1);

  private TileCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (int[] s : SHAPES) {
      cases.add(product(s, Epilogue.BIAS));
    }
    for (Epilogue epilogue : Epilogue.values()) {
      cases.add(product(WITH_EACH_EPILOGUE, epilogue));
    }
    for (ConvolutionShape shape : CONVOLUTIONS) {
      cases.add(convolution(shape, Epilogue.BIAS));
    }
    for (Epilogue epilogue : Epilogue.values()) {
      cases.add(convolution(CONVOLUTION_WITH_EACH_EPILOGUE, epilogue));
    }
    return cases;
  }

  private static Case product(int[] s, Epilogue epilogue) {
    return new Case(
        PRODUCT,
        "%s, %s".formatted(GemmCases.shape(s), epilogue),
        Tolerance.PRODUCT,
        side -> product(side, s, epilogue));
  }

  private static Case convolution(ConvolutionShape shape, Epilogue epilogue) {
    return new Case(
        CONVOLUTION,
        "%d images of %s, %s".formatted(IMAGES, ConvolutionCases.text(shape), epilogue),
        Tolerance.PRODUCT,
        side -> convolution(side, shape, epilogue));
  }

  private static void product(Side side, int[] s, Epilogue epilogue) {
    Batch batch = Batch.random(side.random, s[0], s[1]);
    Linear map = side.linear(s[2], s[3]);
    Buffer in = side.activations(batch.input(side, s[2], 1));
    Buffer residual = epilogue.addsResidual() ? side.activations(batch.input(side, s[3], 1)) : null;
    LiveRows rows = batch.load(side);
    sameBits(
        side,
        batch,
        s[3],
        work -> ProductKernels.each(side.device, s[2], work),
        out -> side.device.gemm(rows, map, in, epilogue, residual, out));
  }

  private static void convolution(Side side, ConvolutionShape shape, Epilogue e) {
    Batch batch = Batch.random(side.random, IMAGES, 1);
    int width = shape.out().elements();
    Convolution map = side.convolution(shape);
    Buffer in = side.activations(batch.input(side, shape.in().elements(), 1));
    Buffer residual = e.addsResidual() ? side.activations(batch.input(side, width, 1)) : null;
    LiveRows rows = batch.load(side);
    sameBits(
        side,
        batch,
        width,
        work -> ProductKernels.each(side.device, shape, work),
        out -> side.device.convolve(rows, map, in, e, residual, out));
  }

  private static void sameBits(
      Side side,
      Batch batch,
      int width,
      Consumer<Consumer<String>> eachKernel,
      Consumer<Buffer> operation) {
    Buffer out = side.activations(batch.poisoned(width));
    List<String> kernels = new ArrayList<>();
    List<float[]> results = new ArrayList<>();
    eachKernel.accept(kernel -> {
      side.refill(out, batch.poisoned(width));
      operation.accept(out);
      kernels.add(kernel);
      results.add(batch.written(side.floats(out), width));
      int differs = Arrays.mismatch(results.getLast(), results.getFirst());
      Side.require(
          differs < 0,
          "%s and %s differ at position %d, output %d",
          kernel,
          kernels.getFirst(),
          differs / width,
          differs % width);
    });
    side.output("out", results.getFirst());
  }
}
