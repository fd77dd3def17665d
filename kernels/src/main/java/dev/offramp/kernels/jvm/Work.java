package dev.offramp.kernels.jvm;

import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.jvm.Workers.RangeTask;
import java.util.List;
import java.util.function.Consumer;

/**
 * An operation whose arguments have been checked, and two ways to run it: whole, split between all
 * threads, or a block of rows at a time by the thread that calls.
 *
 * @param rows the live rows that it runs over
 * @param weight how much work a position is, counted in tokens: an image's pixels, or 1
 * @param whole runs it on all of them
 * @param part runs it on some of them; null where a row's result depends on other rows
 * @param uses all arrays that it reads or writes
 */
record Work(JvmRows rows, int weight, Consumer<Workers> whole, Part part, List<Use> uses) {
  /** An operation whose positions are tokens. */
  Work(JvmRows rows, Consumer<Workers> whole, Part part, List<Use> uses) {
    this(rows, 1, whole, part, uses);
  }

  /** Images that are fewer than so many for each thread are cut into parts. */
  private static final int PARTS_PER_THREAD = 4;

  /** Pixels that make a part of an image worth while. */
  private static final int LEAST_PIXELS = 16;

  /** Live rows from (inclusive) to (exclusive) in their order, and the same counted in tokens. */
  record Block(int fromRow, int toRow, int fromToken, int toToken) {}

  @FunctionalInterface
  interface Part {
    void run(Block block, Scratch scratch);
  }

  /** How an array is divided between rows. */
  enum Layout {
    /** [capacity, positions, size]: a row has the place of its number. */
    BY_ROW,
    /** [capacity, size]: a row has the place that it has in the order of the live rows. */
    BY_ORDER,
    /** [lines, size]: in each line a row has the place that it has in the order. */
    LINES,
    /** Read by all rows and written by none. */
    COMMON
  }

  /**
   * An array that is used. As long as all operations use it in the same way, no row touches what
   * belongs to another.
   */
  record Use(Object array, Layout layout, int size) {
    static Use byRow(Object array, int width) {
      return new Use(array, Layout.BY_ROW, width);
    }

    static Use common(Object array) {
      return new Use(array, Layout.COMMON, 0);
    }

    boolean agrees(Use other) {
      return layout == other.layout && size == other.size;
    }
  }

  /** A part of an operation on images: some lines of what it writes for a row of that number. */
  @FunctionalInterface
  interface LinesTask {
    void run(int row, int fromLine, int toLine, Scratch scratch);
  }

  /**
   * An operation on images.
   *
   * @param out what it writes for each row
   */
  static Work onImages(JvmRows rows, ImageShape out, LinesTask task, List<Use> uses) {
    int height = out.height();
    int[] numbers = rows.tokens(); // A row is a position.
    return new Work(
        rows,
        out.pixels(),
        workers -> {
          int count = rows.count();
          int wanted = Math.ceilDiv(PARTS_PER_THREAD * workers.threads(), Math.max(1, count));
          int parts = Math.clamp(out.pixels() / LEAST_PIXELS, 1, Math.min(wanted, height));
          workers.run(
              count * parts,
              (i, scratch) -> {
                int part = i % parts;
                int from = height * part / parts;
                task.run(numbers[i / parts], from, height * (part + 1) / parts, scratch);
              });
        },
        (block, scratch) -> {
          for (int i = block.fromRow; i < block.toRow; i++) {
            task.run(numbers[i], 0, height, scratch);
          }
        },
        uses);
  }

  /** An operation on tokens, given as numbers along {@link JvmRows#tokens}. */
  static Work onTokens(JvmRows rows, int grain, RangeTask task, Use... uses) {
    return new Work(
        rows,
        workers -> workers.ranges(rows.tokenCount(), grain, task),
        (block, scratch) -> task.run(block.fromToken, block.toToken, scratch),
        List.of(uses));
  }

  /** An operation on rows of {@code pieces} pieces each, given as numbers of pieces. */
  static Work onRows(JvmRows rows, int pieces, int grain, RangeTask task, Use... uses) {
    return new Work(
        rows,
        workers -> workers.ranges(rows.count() * pieces, grain, task),
        (block, scratch) -> task.run(block.fromRow * pieces, block.toRow * pieces, scratch),
        List.of(uses));
  }
}
