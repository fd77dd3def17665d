package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Convolution of each live row's image, as the product of a matrix that is never made: an output
 * pixel's row of it is the window below, runs of numbers in an image with zeros around it.
 */
final class Convolve {
  /** Numbers of a padded image that are made at a time: they stay in the second-level cache. */
  private static final int STRIP = 1 << 16;

  private static final int PADDED = 0;
  private static final int SUMS = 1;

  private final InnerLoops loops;

  Convolve(InnerLoops loops) {
    this.loops = loops;
  }

  /**
   * One convolution of a batch.
   *
   * @param in windows of output pixels, if images were padded already
   * @param residual output pixels, or null
   * @param out output pixels
   */
  record Product(JvmConvolution map, Matrix in, Epilogue epilogue, Matrix residual, Matrix out) {}

  Work work(
      Checks check,
      LiveRows rows,
      Convolution map,
      Buffer in,
      Epilogue epilogue,
      Buffer residual,
      Buffer out) {
    JvmRows live = check.imageRows(rows);
    JvmConvolution convolution = check.convolution("map", map);
    ConvolutionShape shape = convolution.shape();
    int inputs = shape.in().elements();
    int outputs = shape.out().elements();
    check.residual(epilogue, residual);
    float[] x = check.activations("in", in, live, inputs);
    float[] y = check.activations("out", out, live, outputs);
    float[] r = residual == null ? null : check.activations("residual", residual, live, outputs);
    check.distinct("out", y, "in", x);
    Product product =
        new Product(
            convolution,
            new Matrix(x, convolution.windows(), shape.in().channels()),
            epilogue,
            r == null ? null : new Matrix(r, convolution.pixels(), shape.outputs()),
            new Matrix(y, convolution.pixels(), shape.outputs()));
    List<Work.Use> uses = new ArrayList<>();
    uses.add(Work.Use.byRow(x, inputs));
    uses.add(Work.Use.byRow(y, outputs));
    if (r != null) {
      uses.add(Work.Use.byRow(r, outputs));
    }
    Work.LinesTask task =
        convolution.panels().isEmpty()
            ? (row, from, to, scratch) -> DirectConvolution.lines(product, row, from, to, scratch)
            : (row, from, to, scratch) -> lines(product, row, from, to, scratch);
    return Work.onImages(live, shape.out(), task, uses);
  }

  /** Lines from (inclusive) to (exclusive) of a row's output, a strip of them after the other. */
  private void lines(Product product, int row, int from, int to, Scratch scratch) {
    Winograd winograd = product.map.winograd();
    if (winograd != null && winograd.takes(product, row)) {
      winograd.lines(product, row, from, to, scratch);
      return;
    }
    ConvolutionShape shape = product.map.shape();
    int line = (shape.in().width() + 2 * shape.padding()) * shape.in().channels();
    int most = Math.max(1, (STRIP / line - shape.kernel()) / shape.stride() + 1);
    int strips = Math.ceilDiv(to - from, most);
    for (int strip = 0; strip < strips; strip++) {
      int first = from + (to - from) * strip / strips;
      int end = from + (to - from) * (strip + 1) / strips;
      int image = row * shape.in().elements();
      if (shape.padding() == 0) {
        strip(product, product.in, image, row, first, end, scratch);
      } else {
        int top = first * shape.stride();
        int bottom = (end - 1) * shape.stride() + shape.kernel();
        float[] padded = scratch.floats(PADDED, (bottom - top) * line);
        int beside = shape.padding() * shape.in().channels();
        int above = shape.padding();
        pad(
            shape.in(),
            product.in.data(),
            image,
            top - above,
            bottom - above,
            beside,
            line,
            padded);
        Matrix in = new Matrix(padded, product.in.index(), shape.in().channels());
        strip(product, in, -top * line, row, first, end, scratch);
      }
    }
  }

  /**
   * Copies lines of an image with zeros around it.
   *
   * @param image where the image starts in {@code in}
   * @param from first line, which may lie above the image
   * @param to end of the lines, which may lie below it
   * @param beside zeros before a line's numbers
   * @param line numbers of a line with the zeros before and after it
   */
  private static void pad(
      ImageShape shape,
      float[] in,
      int image,
      int from,
      int to,
      int beside,
      int line,
      float[] padded) {
    int width = shape.width() * shape.channels();
    int at = 0;
    for (int y = from; y < to; y++) {
      if (y < 0 || y >= shape.height()) {
        Arrays.fill(padded, at, at + line, 0);
      } else {
        Arrays.fill(padded, at, at + beside, 0);
        System.arraycopy(in, image + y * width, padded, at + beside, width);
        Arrays.fill(padded, at + beside + width, at + line, 0);
      }
      at += line;
    }
  }

  /**
   * Lines of an output from an image that is padded already.
   *
   * @param image where the padded image starts in {@code in}, or would start
   */
  private void strip(
      Product product, Matrix in, int image, int row, int from, int to, Scratch scratch) {
    ImageShape out = product.map.shape().out();
    int first = from * out.width();
    int count = (to - from) * out.width();
    for (JvmConvolution.Panel panel : product.map.panels()) {
      panel(product, panel, in, image, row * out.elements(), first, count, scratch);
    }
  }

  /**
   * One panel of outputs for {@code count} pixels from {@code first} on.
   *
   * @param to where the row's output starts
   */
  private void panel(
      Product product,
      JvmConvolution.Panel panel,
      Matrix in,
      int image,
      int to,
      int first,
      int count,
      Scratch scratch) {
    int column = to + panel.output();
    // Vectors would write beyond the last output: compute in scratch, copy what belongs there.
    boolean aside = panel.width() != panel.outputs();
    Sums sums = new Sums(product.out, 0, column, product.residual);
    if (aside) {
      float[] data = scratch.floats(SUMS, count * panel.width());
      Matrix matrix = new Matrix(data, product.map.pixels(), panel.width());
      if (product.residual != null) {
        product.residual.copy(first, column, matrix, 0, 0, count, panel.outputs());
      }
      sums = new Sums(matrix, first, 0, product.residual == null ? null : matrix);
    }
    if (panel.lines()) {
      lines(product, panel, in, image + panel.input(), sums, first, count);
    } else {
      tiles(product, panel, in, image + panel.input(), sums, first, count);
    }
    if (aside) {
      sums.matrix.copy(0, 0, product.out, first, column, count, panel.outputs());
    }
  }

  /**
   * Where a panel's sums are made.
   *
   * @param first the pixel that its first row is for
   * @param residual what the sums start from besides the bias, in the same places, or null
   */
  private record Sums(Matrix matrix, int first, int column, Matrix residual) {}

  private void tiles(
      Product product,
      JvmConvolution.Panel panel,
      Matrix in,
      int inColumn,
      Sums sums,
      int first,
      int count) {
    JvmConvolution map = product.map;
    int vectors = panel.width() / loops.lanes();
    int tiles = Math.ceilDiv(count, loops.tileRows(vectors));
    for (JvmConvolution.Pass pass : map.passes()) {
      boolean last = pass == map.passes().getLast();
      for (int tile = 0; tile < tiles; tile++) {
        int pixel = first + count * tile / tiles;
        int rows = first + count * (tile + 1) / tiles - pixel;
        int row = pixel - sums.first;
        float[] bias = null;
        if (pass.line() == 0) {
          if (sums.residual == null) {
            bias = map.bias();
          } else {
            start(map, panel, sums, row, rows);
          }
        }
        int weights = panel.at() + pass.line() * panel.width();
        for (int run : pass.runs()) {
          loops.tile(
              rows,
              vectors,
              pass.depth(),
              in,
              pixel,
              inColumn + run,
              map.packed(),
              weights,
              bias,
              panel.output(),
              sums.matrix,
              row,
              sums.column);
          bias = null; // further runs add to it
          weights += pass.depth() * panel.width();
        }
        if (last) {
          loops.activate(product.epilogue, sums.matrix, row, sums.column, rows, panel.width());
        }
      }
    }
  }

  private void lines(
      Product product,
      JvmConvolution.Panel panel,
      Matrix in,
      int inColumn,
      Sums sums,
      int first,
      int count) {
    JvmConvolution map = product.map;
    ConvolutionShape shape = map.shape();
    int width = shape.out().width();
    int line = (shape.in().width() + 2 * shape.padding()) * shape.in().channels();
    int depth = shape.in().channels();
    int pieces = Math.ceilDiv(width, loops.linePixels());
    for (int start = first; start < first + count; start += width) {
      for (int piece = 0; piece < pieces; piece++) {
        int pixel = start + width * piece / pieces;
        int pixels = start + width * (piece + 1) / pieces - pixel;
        int row = pixel - sums.first;
        start(map, panel, sums, row, pixels);
        for (int i = 0; i < 3; i++) {
          loops.line(
              pixels,
              depth,
              in,
              pixel,
              inColumn + i * line,
              map.packed(),
              panel.at() + i * 3 * depth * panel.width(),
              sums.matrix,
              row,
              sums.column);
        }
        loops.activate(product.epilogue, sums.matrix, row, sums.column, pixels, panel.width());
      }
    }
  }

  private void start(JvmConvolution map, JvmConvolution.Panel panel, Sums sums, int row, int rows) {
    loops.start(
        rows,
        panel.width(),
        map.bias(),
        panel.output(),
        sums.residual,
        sums.matrix,
        row,
        sums.column);
  }
}
