package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Epilogue;
import java.util.ArrayList;
import java.util.List;

/**
 * Blocked matrix multiplication. A task is one or some panels of outputs for one block of rows, so
 * that few rows keep all threads busy as well as many: with one sample each thread streams its
 * share of the weights.
 */
final class Gemm {
  /**
   * Most rows of a block: their inputs, {@link JvmLinear#BLOCK} each, stay in the second-level
   * cache beside a panel of weights, which is fetched from further away once a block.
   */
  private static final int ROWS = 192;

  /** Fewest rows that a block is split to so that every thread has something to do. */
  private static final int LEAST_ROWS = 24;

  private static final int TASKS_PER_THREAD = 2;

  private static final int SCRATCH = 0;
  private static final int[] IDENTITY = identity(ROWS);

  private final InnerLoops loops;

  Gemm(InnerLoops loops) {
    this.loops = loops;
  }

  /** The table of rows that lie one after the other, {@code count} of them. */
  static int[] identity(int count) {
    int[] index = new int[count];
    for (int i = 0; i < count; i++) {
      index[i] = i;
    }
    return index;
  }

  /** c = epilogue(a W + b); the residual is null without that epilogue. */
  record Product(JvmLinear map, Matrix a, Epilogue epilogue, Matrix residual, Matrix c) {}

  /** The product at all tokens of live rows. */
  Work work(JvmRows rows, Product product) {
    List<Work.Use> uses = new ArrayList<>();
    uses.add(Work.Use.byRow(product.a.data(), product.a.stride()));
    uses.add(Work.Use.byRow(product.c.data(), product.c.stride()));
    if (product.residual != null) {
      uses.add(Work.Use.byRow(product.residual.data(), product.residual.stride()));
    }
    return new Work(
        rows,
        workers -> run(workers, product, rows.tokenCount()),
        (block, scratch) -> range(product, block.fromToken(), block.toToken(), scratch),
        uses);
  }

  /** Computes {@code count} rows on all threads. */
  private void run(Workers workers, Product product, int count) {
    int panels = product.map.panels();
    int wanted = TASKS_PER_THREAD * workers.threads();
    int few = Math.min(Math.ceilDiv(wanted, panels), count / LEAST_ROWS);
    int blocks = Math.max(Math.ceilDiv(count, ROWS), few);
    int together = Math.clamp(panels * blocks / (2 * wanted), 1, loops.panelsTogether());
    int groups = Math.ceilDiv(panels, together);
    workers.run(
        blocks * groups,
        (task, scratch) -> {
          int block = task / groups;
          int group = task % groups;
          int from = (int) ((long) count * block / blocks);
          int to = (int) ((long) count * (block + 1) / blocks);
          int panel = panels * group / groups;
          panels(product, panel, panels * (group + 1) / groups, from, to - from, scratch);
        });
  }

  /** All outputs of rows from (inclusive) to (exclusive), on this thread. */
  void range(Product product, int from, int to, Scratch scratch) {
    int blocks = Math.ceilDiv(to - from, ROWS);
    int panels = product.map.panels();
    int together = loops.panelsTogether();
    for (int block = 0; block < blocks; block++) {
      int first = from + (int) ((long) (to - from) * block / blocks);
      int end = from + (int) ((long) (to - from) * (block + 1) / blocks);
      for (int panel = 0; panel < panels; panel += together) {
        panels(product, panel, Math.min(panel + together, panels), first, end - first, scratch);
      }
    }
  }

  /**
   * Panels up to {@code end} for {@code count} rows, up to {@link #ROWS}, from {@code first} on.
   */
  private void panels(Product product, int panel, int end, int first, int count, Scratch scratch) {
    JvmLinear map = product.map;
    int last = end - 1;
    int width = map.width(last);
    int columns = map.columns(last);
    if (width == columns) {
      tiles(product, panel, end, first, count, new Sums(product.c, first, 0, product.residual));
      return;
    }
    tiles(product, panel, last, first, count, new Sums(product.c, first, 0, product.residual));
    // Vectors would write beyond the last output: compute in scratch, copy what belongs there.
    int column = map.column(last);
    Matrix aside = new Matrix(scratch.floats(SCRATCH, ROWS * width), IDENTITY, width);
    if (product.residual != null) {
      product.residual.copy(first, column, aside, 0, 0, count, columns);
    }
    Matrix residual = product.residual == null ? null : aside;
    tiles(product, last, end, first, count, new Sums(aside, 0, column, residual));
    aside.copy(0, 0, product.c, first, column, count, columns);
  }

  /**
   * Where sums are made.
   *
   * @param row the row that the first one's are in
   * @param column the output whose sums are in column 0
   * @param residual what they start from besides the bias, in the same places, or null
   */
  private record Sums(Matrix matrix, int row, int column, Matrix residual) {}

  /** Tiles of panels up to {@code end}: the same rows of all of them, then the next rows. */
  private void tiles(Product product, int panel, int end, int first, int count, Sums sums) {
    JvmLinear map = product.map;
    int tiles = Math.ceilDiv(count, InnerLoops.TILE_ROWS);
    for (int block = 0; block < map.inputs(); block += JvmLinear.BLOCK) {
      for (int tile = 0; tile < tiles; tile++) {
        int from = count * tile / tiles;
        int rows = count * (tile + 1) / tiles - from;
        for (int i = panel; i < end; i++) {
          tile(product, i, block, first + from, rows, sums, sums.row + from);
        }
      }
    }
  }

  /** Adds a block of inputs to a panel's sums for a tile's rows. */
  private void tile(
      Product product, int panel, int block, int row, int rows, Sums sums, int sumsRow) {
    JvmLinear map = product.map;
    int width = map.width(panel);
    int depth = Math.min(JvmLinear.BLOCK, map.inputs() - block);
    Matrix c = sums.matrix;
    int column = map.column(panel);
    int at = column - sums.column;
    float[] bias = null;
    if (block == 0 && sums.residual == null) {
      bias = map.bias();
    } else if (block == 0) {
      loops.start(rows, width, map.bias(), column, sums.residual, c, sumsRow, at);
    }
    loops.tile(
        rows,
        width / loops.lanes(),
        depth,
        product.a,
        row,
        block,
        map.packed(),
        map.packedAt(panel, block),
        bias,
        column,
        c,
        sumsRow,
        at);
    if (block + depth == map.inputs()) {
      loops.activate(product.epilogue, c, sumsRow, at, rows, width);
    }
  }
}
