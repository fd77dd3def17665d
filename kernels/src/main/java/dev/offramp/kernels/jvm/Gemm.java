package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Epilogue;
import java.util.ArrayList;
import java.util.List;

/**
 * Blocked matrix multiplication. A task is one panel of outputs for one block of rows, so that few
 * rows keep all threads busy as well as many: with one sample each thread streams its share of the
 * weights.
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
    int wanted = Math.ceilDiv(TASKS_PER_THREAD * workers.threads(), panels);
    int blocks = Math.max(Math.ceilDiv(count, ROWS), Math.min(wanted, count / LEAST_ROWS));
    workers.run(
        blocks * panels,
        (task, scratch) -> {
          int block = task / panels;
          int from = (int) ((long) count * block / blocks);
          int to = (int) ((long) count * (block + 1) / blocks);
          panel(product, task % panels, from, to - from, scratch);
        });
  }

  /** All outputs of rows from (inclusive) to (exclusive), on this thread. */
  void range(Product product, int from, int to, Scratch scratch) {
    int blocks = Math.ceilDiv(to - from, ROWS);
    for (int block = 0; block < blocks; block++) {
      int first = from + (int) ((long) (to - from) * block / blocks);
      int end = from + (int) ((long) (to - from) * (block + 1) / blocks);
      for (int panel = 0; panel < product.map.panels(); panel++) {
        panel(product, panel, first, end - first, scratch);
      }
    }
  }

  /** One panel of outputs for {@code count} rows, up to {@link #ROWS}, from {@code first} on. */
  private void panel(Product product, int panel, int first, int count, Scratch scratch) {
    JvmLinear map = product.map;
    Matrix residual = product.residual;
    Matrix c = product.c;
    int width = map.width(panel);
    int column = map.column(panel);
    // Vectors would write beyond the last output: compute in scratch, copy what belongs there.
    boolean aside = width != map.columns(panel);
    Matrix sums = aside ? new Matrix(scratch.floats(SCRATCH, ROWS * width), IDENTITY, width) : c;
    int sumsColumn = aside ? 0 : column;
    if (residual != null && aside) {
      residual.copy(first, column, sums, 0, 0, count, map.columns(panel));
      residual = sums;
    }
    int tiles = Math.ceilDiv(count, InnerLoops.TILE_ROWS);
    for (int block = 0; block < map.inputs(); block += JvmLinear.BLOCK) {
      int depth = Math.min(JvmLinear.BLOCK, map.inputs() - block);
      boolean last = block + depth == map.inputs();
      for (int tile = 0; tile < tiles; tile++) {
        int from = count * tile / tiles;
        int rows = count * (tile + 1) / tiles - from;
        int sumsRow = aside ? from : first + from;
        if (block == 0) {
          loops.start(
              rows,
              width,
              map.bias(),
              column,
              residual,
              sumsRow,
              sumsColumn,
              sums,
              sumsRow,
              sumsColumn);
        }
        loops.tile(
            rows,
            width / loops.lanes(),
            depth,
            product.a,
            first + from,
            block,
            map.packed(),
            map.packedAt(panel, block),
            sums,
            sumsRow,
            sumsColumn);
        if (last) {
          loops.activate(product.epilogue, sums, sumsRow, sumsColumn, rows, width);
        }
      }
    }
    if (aside) {
      sums.copy(0, 0, c, first, column, count, map.columns(panel));
    }
  }
}
