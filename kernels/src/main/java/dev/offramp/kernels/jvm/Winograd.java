package dev.offramp.kernels.jvm;

import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Epilogue;
import java.util.Arrays;

/**
 * Convolution with kernels of 3 x 3 by Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray
 * 2015, arXiv 1509.09308): an image is cut into tiles of 2 x 2 outputs, each seeing 4 x 4 inputs.
 * In the transformed numbers a tile takes 16 products of each input with each output instead of 36.
 *
 * <p>Tiles start at the image's corner whatever lines are asked for, so a row's values do not
 * depend on how its lines are divided. Rounding errors are relative to the largest inputs of a
 * tile. A number that is not finite would spread over its tile, and a huge one might overflow:
 * images with such numbers are left to the other way of computing, whose weights are kept for that.
 */
final class Winograd {
  /** Products of a tile. */
  private static final int POINTS = 16;

  /** Numbers of transformed inputs at a time: they stay in the second-level cache. */
  private static final int STRIP = 1 << 15;

  // Slots of scratch.
  private static final int PADDED = 0;
  private static final int INPUTS = 1;
  private static final int OUTPUTS = 2;
  private static final int LINES = 3;

  private final InnerLoops loops;
  private final ConvolutionShape shape;
  private final int panelWidth;
  private final float[] weights; // (POINTS, panels, inputs, panel)
  private final float[] zeros; // (panel)
  private final int[] tiles; // of a strip: the numbers from 0 on
  private final float[] biases; // of the outputs, once for each tile of a line
  private boolean usable = true;

  /** Most numbers of a row of tiles, transformed: more would be much memory for each thread. */
  private static final long MOST = 1 << 22;

  /** Numbers below it in absolute value cannot overflow, nor can their sums and products. */
  private static final float LARGE = 1e15f;

  /** Whether this is a convolution that can be computed so. */
  static boolean fits(InnerLoops loops, ConvolutionShape shape) {
    long across = (shape.out().width() + 1L) / 2;
    int channels = Math.max(shape.in().channels(), shape.outputs());
    return loops.winograd()
        && POINTS * across * channels <= MOST
        && shape.kernel() == 3
        && shape.stride() == 1
        && shape.padding() == 1
        && shape.groups() == 1
        && shape.in().channels() % loops.lanes() == 0
        && shape.outputs() % loops.lanes() == 0;
  }

  /** Elements of the transformed weights. */
  static long elements(ConvolutionShape shape) {
    return (long) POINTS * shape.in().channels() * shape.outputs();
  }

  /**
   * @param bias F32 [outputs] at least
   */
  Winograd(InnerLoops loops, ConvolutionShape shape, float[] bias) {
    this.loops = loops;
    this.shape = shape;
    panelWidth = loops.panelVectors() * loops.lanes();
    weights = new float[(int) elements(shape)];
    zeros = new float[panelWidth];
    int across = Math.ceilDiv(shape.out().width(), 2);
    tiles = Gemm.identity(across * stripRows(across));
    biases = new float[across * shape.outputs()];
    for (int at = 0; at < biases.length; at += shape.outputs()) {
      System.arraycopy(bias, 0, biases, at, shape.outputs());
    }
  }

  /**
   * Takes the weights of an output.
   *
   * @param kernels [inputs, 3, 3]
   */
  void pack(int output, float[] kernels) {
    int inputs = shape.in().channels();
    int first = output / panelWidth * panelWidth;
    int width = Math.min(panelWidth, shape.outputs() - first);
    double[] transformed = new double[POINTS];
    for (int i = 0; i < inputs; i++) {
      transform(kernels, 9 * i, transformed);
      for (int point = 0; point < POINTS; point++) {
        int panel = point * inputs * shape.outputs() + first * inputs;
        weights[panel + i * width + output - first] = (float) transformed[point];
        usable &= Math.abs(transformed[point]) < LARGE;
      }
    }
  }

  /** G g G^T, with G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]. */
  private static void transform(float[] kernel, int at, double[] to) {
    double[] lines = new double[4 * 3];
    for (int j = 0; j < 3; j++) {
      double a = kernel[at + j];
      double b = kernel[at + 3 + j];
      double c = kernel[at + 6 + j];
      lines[j] = a;
      lines[3 + j] = (a + b + c) / 2;
      lines[6 + j] = (a - b + c) / 2;
      lines[9 + j] = c;
    }
    for (int i = 0; i < 4; i++) {
      double a = lines[3 * i];
      double b = lines[3 * i + 1];
      double c = lines[3 * i + 2];
      to[4 * i] = a;
      to[4 * i + 1] = (a + b + c) / 2;
      to[4 * i + 2] = (a - b + c) / 2;
      to[4 * i + 3] = c;
    }
  }

  private int stripRows(int across) {
    int rows = STRIP / (POINTS * across * shape.in().channels());
    return Math.clamp(rows, 1, Math.ceilDiv(shape.out().height(), 2));
  }

  /** Lines from (inclusive) to (exclusive) of an output, a strip of tiles after the other. */
  void lines(Convolve.Product product, int row, int from, int to, Scratch scratch) {
    int most = stripRows(Math.ceilDiv(shape.out().width(), 2));
    int end = Math.ceilDiv(to, 2);
    for (int first = from / 2; first < end; first += most) {
      strip(product, row, first, Math.min(first + most, end), from, to, scratch);
    }
  }

  /**
   * Rows of tiles.
   *
   * @param top first row of tiles
   * @param from first line to be written
   * @param to end of the lines to be written
   */
  private void strip(
      Convolve.Product product, int row, int top, int bottom, int from, int to, Scratch scratch) {
    int inputs = shape.in().channels();
    int outputs = shape.outputs();
    int across = Math.ceilDiv(shape.out().width(), 2);
    int count = across * (bottom - top);
    // Planes start at different places of the cache's sets.
    int inPlane = count * inputs + loops.lanes();
    int outPlane = count * outputs + loops.lanes();
    float[] u = scratch.floats(INPUTS, POINTS * inPlane);
    float[] m = scratch.floats(OUTPUTS, POINTS * outPlane);

    int half = (across + 1) * inputs;
    int line = 2 * half;
    float[] padded = scratch.floats(PADDED, (2 * (bottom - top) + 2) * line);
    pad(product.in().data(), row * shape.in().elements(), 2 * top - 1, 2 * bottom + 1, padded);
    float[] lines = scratch.floats(LINES, Math.max(4 * line, 2 * across * outputs));
    for (int y = 0; y < bottom - top; y++) {
      WinogradLoops.inputLines(padded, 2 * y * line, lines, line);
      for (int i = 0; i < 4; i++) {
        int points = y * across * inputs + 4 * i * inPlane;
        int even = i * line;
        WinogradLoops.inputColumns(
            lines, even, even + half, inputs, u, points, inPlane, across * inputs);
      }
    }

    products(u, inPlane, m, outPlane, count);

    for (int j = 0; j < 4; j++) {
      WinogradLoops.outputLines(m, j * outPlane, 4 * outPlane, count * outputs);
    }
    for (int y = Math.max(from, 2 * top); y < Math.min(to, 2 * bottom); y++) {
      int at = (y / 2 - top) * across * outputs + y % 2 * 4 * outPlane;
      WinogradLoops.outputColumns(m, at, outPlane, biases, lines, across * outputs);
      store(product, row, y, lines);
    }
  }

  /**
   * Copies lines of an image with zeros around it, of each its even columns and then its odd ones.
   *
   * @param image where the image starts in {@code in}
   * @param from first line, which may lie above the image
   * @param to end of the lines, which may lie below it
   */
  private void pad(float[] in, int image, int from, int to, float[] padded) {
    int channels = shape.in().channels();
    int width = shape.in().width();
    int across = Math.ceilDiv(width, 2);
    int half = (across + 1) * channels;
    for (int y = from, at = 0; y < to; y++, at += 2 * half) {
      if (y < 0 || y >= shape.in().height()) {
        Arrays.fill(padded, at, at + 2 * half, 0);
        continue;
      }
      // The zeros before the image make its columns change places.
      int line = image + y * width * channels;
      int even = at + channels;
      int odd = at + half;
      Arrays.fill(padded, at, even, 0);
      WinogradLoops.copy(in, line + channels, 2 * channels, padded, even, width / 2, channels);
      Arrays.fill(padded, even + width / 2 * channels, odd, 0);
      WinogradLoops.copy(in, line, 2 * channels, padded, odd, across, channels);
      Arrays.fill(padded, odd + across * channels, at + 2 * half, 0);
    }
  }

  /**
   * Stores a line of outputs and does what comes after the product.
   *
   * @param columns the line's even columns, then its odd ones
   */
  private void store(Convolve.Product product, int row, int y, float[] columns) {
    int outputs = shape.outputs();
    int width = shape.out().width();
    int across = Math.ceilDiv(width, 2);
    int image = row * shape.out().elements();
    int at = image + y * width * outputs;
    Epilogue epilogue = product.epilogue();
    boolean relu = epilogue == Epilogue.BIAS_RELU || epilogue == Epilogue.BIAS_RESIDUAL_RELU;
    float[] residual = product.residual() == null ? null : product.residual().data();
    float[] out = product.out().data();
    WinogradLoops.store(columns, 0, residual, relu, out, at, 2 * outputs, across, outputs);
    WinogradLoops.store(
        columns,
        across * outputs,
        residual,
        relu,
        out,
        at + outputs,
        2 * outputs,
        width / 2,
        outputs);
    if (epilogue == Epilogue.BIAS_GELU) {
      loops.gelu(product.out(), y * width, image, width, outputs);
    }
  }

  /** At each point a product of its own, tiles x inputs x outputs. */
  private void products(float[] u, int inPlane, float[] m, int outPlane, int count) {
    int inputs = shape.in().channels();
    int outputs = shape.outputs();
    Matrix a = new Matrix(u, tiles, inputs);
    Matrix c = new Matrix(m, tiles, outputs);
    for (int point = 0; point < POINTS; point++) {
      for (int column = 0; column < outputs; column += panelWidth) {
        int vectors = Math.min(panelWidth, outputs - column) / loops.lanes();
        int panel = (point * outputs + column) * inputs;
        int parts = Math.ceilDiv(count, loops.tileRows(vectors));
        int rows = Math.ceilDiv(count, parts);
        int smaller = parts * rows - count;
        for (int part = 0, from = 0; part < parts; part++, from += rows) {
          if (part == parts - smaller) {
            rows--;
          }
          int aColumn = point * inPlane;
          int cColumn = point * outPlane + column;
          if (VectorLoops.FEW_REGISTERS) {
            // The product below was compiled with sums in memory: 1.3 times as slow in a network,
            // and not in a benchmark of one convolution.
            loops.tile(
                rows, vectors, inputs, a, from, aColumn, weights, panel, zeros, 0, c, from,
                cColumn);
          } else {
            Tiles.product(
                rows,
                vectors,
                inputs,
                u,
                aColumn + from * inputs,
                inputs,
                weights,
                panel,
                m,
                cColumn + from * outputs,
                outputs);
          }
        }
      }
    }
  }

  /** Whether no weight is too large to be used so. */
  boolean usable() {
    return usable;
  }

  /** Whether an image can be computed so: none of its numbers is too large. */
  boolean takes(Convolve.Product product, int row) {
    int size = shape.in().elements();
    return WinogradLoops.squares(product.in().data(), row * size, size) < LARGE * LARGE;
  }

  long bytes() {
    return 4L * (weights.length + zeros.length + tiles.length + biases.length);
  }
}
