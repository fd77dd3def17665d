package dev.offramp.kernels.jvm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs operations in their order. Where there are rows enough to keep all threads busy, each thread
 * takes a block of rows through a whole stretch of operations before it takes the next block: the
 * block's activations stay in the thread's cache, and threads wait for each other once a stretch.
 */
final class Replay {
  /**
   * When blocks are made.
   *
   * @param tokens what a block should have; 64 were measured slower, 96 to 192 alike
   * @param slack how much later than with equal shares the last thread may end, as a fraction
   */
  record Blocking(int tokens, double slack) {
    static final Blocking USUAL = new Blocking(128, 0.05);

    /** One operation after the other on all rows. */
    static final Blocking NONE = new Blocking(Integer.MAX_VALUE, 0);
  }

  private final Workers workers;
  private final Blocking blocking;
  private final List<Work> stretch = new ArrayList<>();
  private final Map<Object, Work.Use> uses = new IdentityHashMap<>();

  Replay(Workers workers, Blocking blocking) {
    this.workers = workers;
    this.blocking = blocking;
  }

  /**
   * Runs the operation now, or later as a part of a stretch, which {@link #finish} ends at the
   * latest.
   */
  void add(Work work) {
    if (!stretch.isEmpty() && !continues(work)) {
      finish();
    }
    if (work.part() == null) {
      work.whole().accept(workers);
    } else {
      stretch.add(work);
      work.uses().forEach(use -> uses.put(use.array(), use));
    }
  }

  /** Whether no row of this operation touches what the stretch computes for another row. */
  private boolean continues(Work work) {
    return work.part() != null
        && work.rows() == stretch.getFirst().rows()
        && work.uses().stream().allMatch(use -> use.agrees(uses.getOrDefault(use.array(), use)));
  }

  /** Runs the operations that are left. */
  void finish() {
    List<Work.Block> blocks = stretch.size() > 1 ? blocks() : List.of();
    if (blocks.isEmpty()) {
      stretch.forEach(work -> work.whole().accept(workers));
    } else {
      workers.run(
          blocks.size(),
          (i, scratch) -> stretch.forEach(work -> work.part().run(blocks.get(i), scratch)));
    }
    stretch.clear();
    uses.clear();
  }

  /** Blocks of about equal size, or none if threads would be left without work. */
  private List<Work.Block> blocks() {
    JvmRows rows = stretch.getFirst().rows();
    int tokens = rows.tokenCount();
    double share = (double) tokens / workers.threads();
    // What a block should have: fewer positions where one is the work of many tokens.
    int weight = stretch.stream().mapToInt(Work::weight).max().orElseThrow();
    double size = Math.max(1, (double) blocking.tokens / weight);
    // An image alone is enough for a block.
    if (share < (weight > 1 ? 1 : 0.75 * size)) {
      return List.of();
    }
    int count = workers.threads() * (int) Math.max(1, Math.round(share / size));
    List<Work.Block> cut = new ArrayList<>(count);
    int[] loads = new int[workers.threads()];
    int from = 0;
    for (int b = 1; b <= count; b++) {
      int to = rows.rowNear((int) ((long) tokens * b / count));
      if (to > from) {
        cut.add(new Work.Block(from, to, rows.start(from), rows.start(to)));
        // Who is free first takes the next block.
        Arrays.sort(loads);
        loads[0] += rows.start(to) - rows.start(from);
        from = to;
      }
    }
    int last = Arrays.stream(loads).max().orElseThrow();
    return last <= share * (1 + blocking.slack) ? cut : List.of();
  }
}
