package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Stages;
import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * Runs stages on rows of no meaning until compilers, caches and captures are warm, and measures
 * what they cost meanwhile. Each time is the least of all passes: what else happens on the machine
 * only ever adds to it.
 */
public final class WarmUp {
  private static final int ROW_TOKENS = 32;
  private static final int LEAST_PASSES = 4;
  private static final int MOST_PASSES = 24;
  private static final long NANOS = 1_000_000_000L;

  /** Passes after which times are good enough to say that larger steps are of no use. */
  private static final int PASSES_TO_JUDGE = 2;

  /** Steps twice as large are not measured if a row of this one was hardly cheaper. */
  private static final double WORTH_DOUBLING = 0.98;

  private final Stages stages;
  private final LongSupplier clock;
  private final Floors floors;
  private final int[] slots;
  private final int[] lengths;
  private final int tokens;
  private final double[][] times; // (stages, sizes)
  private int sizes;

  private WarmUp(Stages stages, LongSupplier clock) {
    this.stages = stages;
    this.clock = clock;
    floors = Floors.of(new double[stages.count() - 1], stages.count()); // every head is asked
    tokens = Math.min(ROW_TOKENS, stages.maxTokens());
    slots = new int[stages.laneRows()];
    lengths = new int[slots.length];
    Arrays.setAll(slots, i -> i);
    Arrays.fill(lengths, tokens);
    sizes = Integer.SIZE - Integer.numberOfLeadingZeros(slots.length); // 1, 2, 4, … rows
    times = new double[stages.count()][sizes];
    for (double[] ofStage : times) {
      Arrays.fill(ofStage, Double.POSITIVE_INFINITY);
    }
  }

  /** Warms stages up; nothing else may run on them meanwhile, and all slots must be free. */
  public static CostModel measure(Stages stages) {
    return measure(stages, System::nanoTime);
  }

  static CostModel measure(Stages stages, LongSupplier clock) {
    return new WarmUp(stages, clock).measure();
  }

  private CostModel measure() {
    int[] row = new int[tokens]; // token 0, which every vocabulary has
    for (int slot : slots) {
      stages.enter(slot, row);
    }
    double apart = Double.POSITIVE_INFINITY;
    double together = Double.POSITIVE_INFINITY;
    long start = clock.getAsLong();
    for (int pass = 0;
        pass < LEAST_PASSES || (pass < MOST_PASSES && clock.getAsLong() - start < NANOS);
        pass++) {
      for (int size = 0; size < sizes; size++) {
        double sum = 0;
        for (int stage = 0; stage < stages.count(); stage++) {
          double time = time(stage, stage, 1 << size);
          times[stage][size] = Math.min(times[stage][size], time);
          sum += time;
        }
        if (size == 0) {
          apart = Math.min(apart, sum);
          together = Math.min(together, time(0, stages.count() - 1, 1));
        } else if (pass >= PASSES_TO_JUDGE && !worthDoubling(size)) {
          sizes = size + 1;
        }
      }
    }
    int[] sizesInTokens = new int[sizes];
    Arrays.setAll(sizesInTokens, size -> tokens << size);
    double[][] measured = new double[stages.count()][];
    Arrays.setAll(measured, stage -> Arrays.copyOf(times[stage], sizes));
    int looks = stages.count() - 1;
    double look = looks == 0 ? 0 : Math.max(0, (apart - together) / looks);
    return new CostModel(sizesInTokens, measured, look);
  }

  private double time(int from, int to, int rows) {
    long start = clock.getAsLong();
    stages.launch(0, from, to, floors, slots, lengths, rows);
    stages.await(0);
    return clock.getAsLong() - start;
  }

  private boolean worthDoubling(int size) {
    double before = 0;
    double now = 0;
    for (double[] ofStage : times) {
      before += ofStage[size - 1];
      now += ofStage[size] / 2;
    }
    return now < WORTH_DOUBLING * before;
  }
}
