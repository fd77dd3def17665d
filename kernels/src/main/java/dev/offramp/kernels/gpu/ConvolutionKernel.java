package dev.offramp.kernels.gpu;

import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.ImageShape;
import java.util.List;
import java.util.Locale;

/**
 * One size of a convolution's kernel. Which one makes a convolution follows from its outputs and,
 * where a large tile would leave a part of the device idle, from the number of pixels. Sums come
 * out the same bits whichever it is.
 *
 * @param kind which source file it comes from
 * @param m output pixels of a group's tile
 * @param n outputs of a group's tile
 * @param each pixels and outputs that an item of a tile kernel makes
 */
record ConvolutionKernel(Kind kind, int m, int n, int each) {
  enum Kind {
    /** convolution_tile.c: multiply-adds in float, a square of each item. */
    TILE,
    /** vector_convolution.c, or Java: a work item with wide vectors, for processors. */
    VECTOR
  }

  /**
   * By outputs: no tile is more than half empty. The last has the most multiply-adds for each
   * number that it reads.
   */
  static final List<ConvolutionKernel> TILE =
      List.of(
          new ConvolutionKernel(Kind.TILE, 64, 16, 4),
          new ConvolutionKernel(Kind.TILE, 64, 32, 4),
          new ConvolutionKernel(Kind.TILE, 64, 64, 4),
          new ConvolutionKernel(Kind.TILE, 128, 128, 8));

  /** Sixteen sums of a vector each: enough to hide how long a multiply-add takes. */
  static final List<ConvolutionKernel> VECTOR =
      List.of(
          new ConvolutionKernel(Kind.VECTOR, 16, 16, 0),
          new ConvolutionKernel(Kind.VECTOR, 8, 32, 0));

  /** Of kernels in Java, which name their vectors one by one. */
  static final List<ConvolutionKernel> VECTOR_JAVA =
      List.of(new ConvolutionKernel(Kind.VECTOR, 8, 16, 0));

  /** Channels that vector kernels take at a time: their weights are laid out by it. */
  static final int DEPTH = 16;

  /** Most pixels of a window's line that share a copy in vector kernels. */
  static final int RUN = 8;

  /** Outputs of a group from which on a panel, mostly empty, beats one multiply-add at a time. */
  private static final int FEWEST = 4;

  /** Most tiles in a row that a work item of a vector kernel takes. */
  private static final int MOST_TILES = 8;

  /** The one that makes that many images; null for the kernel of image.c that takes any groups. */
  static ConvolutionKernel of(Traits traits, int computeUnits, int images, ConvolutionShape shape) {
    if (traits.processor()) {
      return vector(traits, shape);
    }
    if (shape.groups() > 1) {
      return null;
    }
    ConvolutionKernel best = TILE.getFirst();
    for (ConvolutionKernel kernel : all(traits, shape)) {
      if (best.n < shape.outputs()
          && (kernel.m == best.m || kernel.tiles(images, shape) >= computeUnits)) {
        best = kernel;
      }
    }
    return best;
  }

  /** Those that can make a convolution of the shape where there is a choice, else none. */
  static List<ConvolutionKernel> all(Traits traits, ConvolutionShape shape) {
    return traits.processor() || shape.groups() > 1
        ? List.of()
        : TILE.stream().filter(kernel -> kernel.items() <= traits.maxGroupItems()).toList();
  }

  /** The vector kernel for a shape, or null; a panel of weights is as wide as its tile. */
  static ConvolutionKernel vector(Traits traits, ConvolutionShape shape) {
    int outputs = shape.outputs() / shape.groups();
    if (shape.groups() > 1 && outputs < FEWEST) {
      return null;
    }
    List<ConvolutionKernel> kernels =
        traits.dialect() == Traits.Dialect.JAVA ? VECTOR_JAVA : VECTOR;
    return outputs <= kernels.getFirst().n ? kernels.getFirst() : kernels.getLast();
  }

  /** Name of the function. */
  String name() {
    return "convolution_" + kind.name().toLowerCase(Locale.ROOT) + "_" + m + "x" + n;
  }

  private int items() {
    return kind == Kind.TILE ? (m / each) * (n / each) : 1;
  }

  /** Tiles of that many images: those of vector kernels end with a line of pixels. */
  private long tiles(int images, ConvolutionShape shape) {
    ImageShape out = shape.out();
    return kind == Kind.TILE
        ? Math.ceilDiv((long) images * out.pixels(), m) * Math.ceilDiv(out.channels(), n)
        : (long) images * out.height() * Math.ceilDiv(out.width(), m);
  }

  /** Panels of a vector kernel's weights for each group of the convolution. */
  int panels(ConvolutionShape shape) {
    return Math.ceilDiv(shape.outputs() / shape.groups(), n);
  }

  /** Tiles in a row that a work item of a vector kernel takes: fewer where items would be few. */
  int tilesEach(int computeUnits, int images, ConvolutionShape shape) {
    return (int) Math.clamp(tiles(images, shape) / (8L * computeUnits), 1, MOST_TILES);
  }

  /** A grid for at most that many images. */
  Grid grid(int computeUnits, int images, ConvolutionShape shape) {
    if (kind == Kind.TILE) {
      return Grid.of(tiles(images, shape), items());
    }
    long items = Math.ceilDiv(tiles(images, shape), tilesEach(computeUnits, images, shape));
    return Grid.of(items, (long) shape.groups() * panels(shape), 1, 1);
  }
}
