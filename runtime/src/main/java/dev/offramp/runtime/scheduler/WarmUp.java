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

  /** Devices may compile what runs first, and capture what runs for the second time. */
  private static final int LEAST_PASSES_OF_A_LANE = 4;

  private static final int MOST_PASSES = 24;
  private static final long NANOS = 1_000_000_000L;

  private static final long LENGTHS_TIME = 2 * NANOS;
  private static final int MOST_RUNS = 400;
  private static final int MOST_LENGTH = 64;
  private static final int MOST_TOGETHER = 8;
  private static final int PRIME = 17;

  /** Larger steps are not measured where all stages together take longer than this. */
  private static final long LONG_STEP = NANOS / 8;

  /** A cold device may take this long for what takes it little when it is warm. */
  private static final long LONG_COLD_STEP = NANOS / 2;

  /**
   * Larger steps are not measured if a row of this one is hardly cheaper than in a fourth of it.
   */
  private static final double WORTH_QUADRUPLING = 0.98;

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
    tokens = Math.clamp(ROW_TOKENS, stages.minTokens(), stages.maxTokens());
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

  /**
   * Runs rows of all lengths, alone and a few together, as they come to a service: compilers meet
   * code that they have not compiled in rows of one length. Nothing else may run on the stages
   * meanwhile.
   */
  public static void lengths(Stages stages) {
    if (stages.minTokens() < stages.maxTokens()) {
      new WarmUp(stages, System::nanoTime).lengths();
    }
  }

  private void lengths() {
    int shortest = stages.minTokens();
    int different = Math.max(1, Math.min(stages.maxTokens(), MOST_LENGTH) - shortest + 1);
    long start = clock.getAsLong();
    for (int run = 0; run < MOST_RUNS && clock.getAsLong() - start < LENGTHS_TIME; run++) {
      int rows = Math.min(slots.length, 1 + run % MOST_TOGETHER);
      for (int row = 0; row < rows; row++) {
        lengths[row] = shortest + (run + PRIME * row) % different;
        stages.enter(row, new int[lengths[row]]);
      }
      int lane = run % stages.lanes();
      for (int stage = 0; stage < stages.count(); stage++) {
        stages.launch(lane, stage, stage, floors, slots, lengths, rows, true);
        stages.await(lane);
      }
    }
  }

  private CostModel measure() {
    int[] row = new int[tokens]; // token 0, which every vocabulary has, or black pixels
    for (int slot : slots) {
      stages.enter(slot, row);
    }
    double apart = Double.POSITIVE_INFINITY;
    double together = Double.POSITIVE_INFINITY;
    int leastPasses = LEAST_PASSES_OF_A_LANE * stages.lanes();
    long start = clock.getAsLong();
    for (int pass = 0;
        pass < leastPasses || (pass < MOST_PASSES && clock.getAsLong() - start < NANOS);
        pass++) {
      int lane = pass % stages.lanes();
      boolean cold = pass < stages.lanes();
      for (int size = 0; size < sizes; size++) {
        double sum = 0;
        for (int stage = 0; stage < stages.count(); stage++) {
          double time = time(lane, stage, stage, 1 << size);
          times[stage][size] = Math.min(times[stage][size], time);
          sum += time;
        }
        if (size == 0) {
          apart = Math.min(apart, sum);
          together = Math.min(together, time(lane, 0, stages.count() - 1, 1));
        }
        if (cold && sum > LONG_COLD_STEP) {
          break;
        } else if (!cold && (sum > LONG_STEP || !worthEnlarging(size))) {
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

  private double time(int lane, int from, int to, int rows) {
    long start = clock.getAsLong();
    stages.launch(lane, from, to, floors, slots, lengths, rows, false);
    stages.await(lane);
    return clock.getAsLong() - start;
  }

  private boolean worthEnlarging(int size) {
    if (size < 2) {
      return true;
    }
    double before = 0;
    double now = 0;
    for (double[] ofStage : times) {
      before += ofStage[size - 2];
      now += ofStage[size] / 4;
    }
    return now < WORTH_QUADRUPLING * before;
  }
}
