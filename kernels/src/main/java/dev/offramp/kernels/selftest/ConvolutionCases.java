package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Convolutions with each epilogue; a row is one position. */
final class ConvolutionCases {
  /** Capacity, height, width, channels, outputs, kernel, stride, padding, groups. */
  private static final int[][] SHAPES = {
    {1, 1, 1, 1, 1, 1, 1, 0, 1},
    {1, 1, 1, 3, 7, 3, 1, 1, 1},
    {7, 7, 5, 3, 16, 3, 1, 1, 1},
    {3, 32, 32, 16, 16, 3, 1, 1, 1},
    {5, 16, 16, 32, 32, 3, 1, 1, 1},
    {7, 8, 8, 64, 64, 3, 1, 1, 1},
    {3, 9, 8, 16, 33, 3, 2, 1, 1},
    {2, 17, 15, 3, 64, 7, 2, 3, 1},
    {4, 8, 7, 33, 17, 1, 2, 0, 1},
    {7, 7, 5, 64, 129, 1, 1, 0, 1},
    {2, 3, 4, 800, 33, 1, 1, 0, 1},
    {2, 4, 3, 160, 65, 3, 1, 1, 1},
    {3, 6, 5, 4, 4, 3, 1, 2, 1},
    {3, 8, 8, 64, 64, 3, 1, 1, 2},
    {3, 7, 5, 6, 4, 3, 2, 1, 2},
    {3, 7, 5, 33, 33, 3, 1, 1, 33},
    {2, 8, 8, 64, 64, 3, 2, 1, 64},
    {2, 5, 5, 7, 21, 3, 1, 1, 7},
    {129, 3, 3, 3, 7, 3, 1, 1, 1},
    {129, 1, 1, 16, 33, 1, 1, 0, 1},
    {3, 1, 1, 16, 16, 3, 1, 1, 1},
    {3, 7, 5, 16, 48, 3, 1, 1, 1},
    {2, 5, 1, 32, 80, 3, 1, 1, 1},
    {1, 35, 33, 16, 144, 3, 1, 1, 1},
    {2, 6, 9, 208, 16, 3, 1, 1, 1},
    {2, 12, 12, 3, 7, 7, 1, 0, 1},
    {3, 5, 6, 4, 6, 2, 3, 1, 1},
    {2, 6, 6, 64, 128, 3, 2, 1, 4},
  };

  /** Where NaN and infinity are: ways of all kinds, since some would spread them. */
  private static final List<ConvolutionShape> ODD =
      List.of(
          ConvolutionShape.same(new ImageShape(9, 8, 32), 128, 3, 1),
          ConvolutionShape.same(new ImageShape(9, 8, 8), 32, 3, 2),
          new ConvolutionShape(new ImageShape(9, 8, 8), 32, 7, 2, 3, 1),
          new ConvolutionShape(new ImageShape(9, 8, 8), 32, 3, 1, 1, 2),
          new ConvolutionShape(new ImageShape(9, 8, 8), 32, 3, 1, 1, 8));

  private ConvolutionCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (Epilogue epilogue : Epilogue.values()) {
      for (int[] s : SHAPES) {
        cases.add(
            convolve(
                epilogue,
                "%d images of ".formatted(s[0]) + text(shape(s)),
                side -> play(side, images(side, s), shape(s), epilogue, false)));
      }
      ConvolutionShape shape = ConvolutionShape.same(new ImageShape(5, 4, 7), 19, 3, 1);
      cases.add(
          convolve(
              epilogue,
              "no live row",
              side -> play(side, Batch.none(7, 1), shape, epilogue, false)));
      cases.add(convolve(epilogue, "NaN and infinity", side -> odd(side, shape, epilogue)));
      if (epilogue.addsResidual()) {
        for (int outputs : new int[] {1, 33, 64}) {
          ConvolutionShape same = ConvolutionShape.same(new ImageShape(7, 5, 16), outputs, 3, 1);
          cases.add(
              convolve(
                  epilogue,
                  text(same) + " in place",
                  side -> play(side, Batch.random(side.random, 4, 1), same, epilogue, true)));
        }
      }
    }
    for (ConvolutionShape shape : ODD) {
      cases.add(
          convolve(
              Epilogue.BIAS_RELU,
              "NaN and infinity, " + text(shape),
              side -> odd(side, shape, Epilogue.BIAS_RELU)));
    }
    for (DataType type : new DataType[] {DataType.F32, DataType.F16, DataType.BF16}) {
      cases.add(
          convolve(
              Epilogue.BIAS,
              "weights stored in %s, without a bias".formatted(type),
              side -> stored(side, type)));
    }
    return cases;
  }

  private static Case convolve(Epilogue epilogue, String shape, Case.Play play) {
    return new Case("convolve " + epilogue, shape, Tolerance.PRODUCT, play);
  }

  private static ConvolutionShape shape(int[] s) {
    return new ConvolutionShape(new ImageShape(s[1], s[2], s[3]), s[4], s[5], s[6], s[7], s[8]);
  }

  static String text(ConvolutionShape s) {
    return "%s to %d, kernel %d/%d, padding %d, %d groups"
        .formatted(s.in(), s.outputs(), s.kernel(), s.stride(), s.padding(), s.groups());
  }

  private static Batch images(Side side, int[] s) {
    return Batch.random(side.random, s[0], 1);
  }

  private static void play(
      Side side, Batch batch, ConvolutionShape shape, Epilogue epilogue, boolean inPlace) {
    int width = shape.out().elements();
    Convolution map = side.convolution(shape);
    Buffer in = side.activations(batch.input(side, shape.in().elements(), 1));
    float[] residual = batch.input(side, width, 1, inPlace ? Side.POISON : Float.NaN);
    Buffer residualBuffer = epilogue.addsResidual() ? side.activations(residual) : null;
    Buffer out = inPlace ? residualBuffer : side.activations(batch.poisoned(width));
    LiveRows rows = batch.load(side);

    side.device.convolve(rows, map, in, epilogue, residualBuffer, out);

    side.output("out", batch.written(side.floats(out), width));
  }

  /** They show in the outputs that see them: a corner, an edge and the middle of an image. */
  private static void odd(Side side, ConvolutionShape shape, Epilogue epilogue) {
    Batch batch = Batch.full(4, 1);
    int size = shape.in().elements();
    int width = shape.out().elements();
    float[] x = batch.input(side, size, 1);
    ImageShape in = shape.in();
    x[size + 3] = Float.NaN;
    x[2 * size + 3 * in.width() * in.channels() - 1] = Float.POSITIVE_INFINITY;
    x[3 * size + (2 * in.width() + 1) * in.channels()] = Float.NEGATIVE_INFINITY;
    float[] weight = side.weight(shape.depth(), shape.outputs());
    for (int i = 0; i < weight.length; i++) {
      // Infinity times a weight of 0 would be NaN.
      weight[i] = side.rounded(Math.abs(weight[i]) + 0.1f);
    }
    Convolution map = side.convolution(shape, weight, side.numbers(shape.outputs(), 1));
    Buffer residual =
        epilogue.addsResidual() ? side.activations(batch.input(side, width, 1)) : null;
    Buffer out = side.activations(batch.poisoned(width));

    side.device.convolve(batch.load(side), map, side.activations(x), epilogue, residual, out);

    float[] y = side.floats(out);
    if (epilogue == Epilogue.BIAS_GELU) {
      // Minus infinity times the 0 that it is weighted by: NaN or 0, as the device has it.
      Arrays.fill(y, 3 * width, 4 * width, 0);
    }
    side.output("out", batch.written(y, width));
  }

  /** Weights of each type. */
  private static void stored(Side side, DataType type) {
    ConvolutionShape shape = ConvolutionShape.same(new ImageShape(7, 5, 17), 33, 3, 1);
    Batch batch = Batch.random(side.random, 7, 1);
    float[] weight = side.weight(shape.depth(), shape.outputs());
    Convolution map =
        side.open(side.device.convolution(shape, Side.stored(weight, type), type, null));
    int width = shape.out().elements();
    Buffer in = side.activations(batch.input(side, shape.in().elements(), 1));
    Buffer out = side.activations(batch.poisoned(width));

    side.device.convolve(batch.load(side), map, in, Epilogue.BIAS, null, out);

    side.output("out", batch.written(side.floats(out), width));
  }
}
