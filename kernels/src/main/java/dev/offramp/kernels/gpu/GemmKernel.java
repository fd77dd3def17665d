package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Precision;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One size of a matrix product's kernel.
 *
 * @param kind which source file it comes from
 * @param m positions of a group's tile
 * @param n outputs of a group's tile
 * @param each positions of the tile that an item (tile), a warp (tensor) or four of them make
 * @param eachN the same for outputs
 */
record GemmKernel(Kind kind, int m, int n, int each, int eachN) {
  enum Kind {
    /** gemm_tile.c: multiply-adds in float, a square of each item. */
    TILE,
    /** gemm_tensor.cu: tensor cores. */
    TENSOR,
    /** gemm_warpgroup.cu: tensor cores, by products of four warps, in F16. */
    WARPGROUP,
    /** vector_gemm.c, or Java: a work item with wide vectors, for processors. */
    VECTOR
  }

  private static final int PANEL = 32;
  private static final int LINE_BYTES = 64;
  private static final int WIDE_LINE_BYTES = 128;
  private static final int WIDE_STAGES = 3;

  static final List<GemmKernel> TILE =
      List.of(
          new GemmKernel(Kind.TILE, 128, 128, 8, 8),
          new GemmKernel(Kind.TILE, 64, 64, 4, 4),
          new GemmKernel(Kind.TILE, 32, 32, 4, 4));

  static final List<GemmKernel> TENSOR =
      List.of(
          new GemmKernel(Kind.TENSOR, 256, 128, 64, 64),
          new GemmKernel(Kind.TENSOR, 128, 128, 64, 64),
          new GemmKernel(Kind.TENSOR, 128, 64, 64, 32),
          new GemmKernel(Kind.TENSOR, 64, 64, 32, 32),
          new GemmKernel(Kind.TENSOR, 32, 32, 16, 16));

  static final List<GemmKernel> WARPGROUP =
      List.of(
          new GemmKernel(Kind.WARPGROUP, 128, 256, 64, 256),
          new GemmKernel(Kind.WARPGROUP, 128, 128, 64, 128),
          new GemmKernel(Kind.WARPGROUP, 64, 128, 64, 128),
          new GemmKernel(Kind.WARPGROUP, 64, 64, 64, 64));

  static final List<GemmKernel> VECTOR =
      List.of(
          new GemmKernel(Kind.VECTOR, 12, PANEL, 12, PANEL),
          new GemmKernel(Kind.VECTOR, 4, PANEL, 4, PANEL));

  /** Of kernels in Java, which name their vectors one by one. */
  static final List<GemmKernel> VECTOR_JAVA =
      List.of(new GemmKernel(Kind.VECTOR, 6, PANEL, 6, PANEL));

  static final Map<String, GemmKernel> BY_NAME =
      Stream.of(TILE, TENSOR, WARPGROUP, VECTOR, VECTOR_JAVA)
          .flatMap(List::stream)
          .collect(Collectors.toMap(GemmKernel::name, kernel -> kernel, (a, b) -> a, TreeMap::new));

  /** Those that give a device's products in that precision, of lines of so many inputs. */
  static List<GemmKernel> of(Traits traits, Precision precision, int inputs) {
    if (traits.processor()) {
      return traits.dialect() == Traits.Dialect.JAVA ? VECTOR_JAVA : VECTOR;
    }
    boolean tensor = traits.dialect() == Traits.Dialect.CUDA && precision != Precision.F32;
    if (tensor && inputs * precision.activations().bytes() % 16 == 0) {
      return Stream.of(TENSOR, traits.warpgroups() ? WARPGROUP : List.<GemmKernel>of())
          .flatMap(List::stream)
          .filter(k -> k.localBytes(traits) <= traits.localBytes())
          .toList();
    }
    return TILE.stream().filter(k -> k.items() <= traits.maxGroupItems()).toList();
  }

  /** Name of the function. */
  String name() {
    return "gemm_" + kind.name().toLowerCase(Locale.ROOT) + "_" + m + "x" + n;
  }

  private int items() {
    int parts = (m / each) * (n / eachN);
    return switch (kind) {
      case TILE -> parts;
      case TENSOR -> 32 * parts;
      case WARPGROUP -> 128 * parts;
      case VECTOR -> 1;
    };
  }

  /** Stages of copies in flight, as many as the sources have; in the end the tile in float. */
  private int localBytes(Traits traits) {
    int tile = 4 * m * n;
    return switch (kind) {
      case TENSOR -> {
        int stages = traits.capability() >= 80 ? 4 : 2;
        yield Math.max(stages * (m + n) * LINE_BYTES, tile);
      }
      case WARPGROUP -> Math.max(WIDE_STAGES * (m + n) * WIDE_LINE_BYTES, tile);
      case TILE, VECTOR -> 0;
    };
  }

  /** Most positions that a launch takes; the grids of processors have no end. */
  int most() {
    return kind == Kind.VECTOR ? Integer.MAX_VALUE : m * Grid.MOST_GROUPS_Y;
  }

  /** A grid for at most that many positions. */
  Grid grid(Traits traits, int tokens, int outputs, int computeUnits) {
    int down = Math.ceilDiv(tokens, m);
    int across = Math.ceilDiv(outputs, n);
    if (kind == Kind.VECTOR) {
      across = Math.ceilDiv(across, stride(tokens, outputs, computeUnits));
    }
    return new Grid(across, down, items(), 1, localBytes(traits));
  }

  /** Panels that a work item of the vector kernel takes: fewer where items would be too few. */
  int stride(int tokens, int outputs, int computeUnits) {
    int panels = Math.ceilDiv(outputs, n);
    int down = Math.ceilDiv(tokens, m);
    int wanted = Math.clamp(Math.ceilDiv(8L * computeUnits, down), 1, panels);
    return Math.ceilDiv(panels, wanted);
  }
}
