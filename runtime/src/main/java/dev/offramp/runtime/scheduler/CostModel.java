package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Stages;
import java.util.Arrays;

/**
 * What stages cost on the device at hand, measured at warm-up: the time of each stage by its number
 * of tokens, and what it costs to look at an exit, that is to end a step there, wait for the answer
 * and begin another one. It decides when work waits or goes on, never what a row's outcome is.
 */
public final class CostModel {
  /** A step is large enough if a token of it costs no more than this beyond the cheapest. */
  private static final double SLACK = 1.05;

  /** Beyond twice the size nothing is measured that was cheaper by less. */
  private static final double WORTH_DOUBLING = 0.98;

  private static final int ROW_TOKENS = 32;
  private static final int LEAST_PASSES = 4;
  private static final int MOST_PASSES = 24;
  private static final long WARM_UP_NANOS = 1_000_000_000L;

  private final int[] sizes; // tokens, ascending
  private final double[][] nanos; // (stages, sizes)
  private final double look;

  /**
   * @param sizes numbers of tokens, ascending, at least one
   * @param nanos time of each stage at those sizes, shape [stages, sizes]
   * @param look cost of looking at an exit, in nanoseconds
   */
  CostModel(int[] sizes, double[][] nanos, double look) {
    this.sizes = sizes.clone();
    this.nanos = Arrays.stream(nanos).map(double[]::clone).toArray(double[][]::new);
    this.look = look;
  }

  /** Cost of looking at an exit, in nanoseconds. */
  public double look() {
    return look;
  }

  /** Sizes that were measured, in tokens. */
  public int[] sizes() {
    return sizes.clone();
  }

  /** Time of a stage on that many tokens, in nanoseconds: between and beyond sizes on a line. */
  public double nanos(int stage, double tokens) {
    double[] times = nanos[stage];
    if (tokens <= sizes[0] || sizes.length == 1) {
      // On a line from 0: as an expectation of a single row that is there or not, it is right.
      return times[0] * tokens / sizes[0];
    }
    int right = 1;
    while (right < sizes.length - 1 && sizes[right] < tokens) {
      right++;
    }
    double share = (tokens - sizes[right - 1]) / (sizes[right] - sizes[right - 1]);
    return Math.max(0, times[right - 1] + share * (times[right] - times[right - 1]));
  }

  /** The fewest tokens at which a stage runs about as cheaply by token as it can. */
  public int enough(int stage) {
    double best = best(stage);
    for (int i = 0; i < sizes.length; i++) {
      if (nanos[stage][i] / sizes[i] <= SLACK * best) {
        return sizes[i];
      }
    }
    throw new AssertionError("the cheapest size is cheap enough");
  }

  private double best(int stage) {
    double best = Double.POSITIVE_INFINITY;
    for (int i = 0; i < sizes.length; i++) {
      best = Math.min(best, nanos[stage][i] / sizes[i]);
    }
    return best;
  }

  /**
   * The profit test: whether it pays to look at an exit rather than to run the next stage on all
   * rows and look after that.
   *
   * @param next the stage after the exit
   * @param tokens of the rows that come to the exit
   * @param leaving share of rows that leaves there
   * @param others whether other rows wait, which take the place of those that leave
   */
  boolean pays(int next, int tokens, double leaving, boolean others) {
    double gone = leaving * tokens;
    double saved = others ? gone * best(next) : nanos(next, tokens) - nanos(next, tokens - gone);
    return saved > look;
  }

  /**
   * Measures, which also warms the device up: nothing else may run on it meanwhile, and all slots
   * must be free.
   */
  public static CostModel measure(Stages stages) {
    int length = Math.min(ROW_TOKENS, stages.maxTokens());
    int count = stages.count();
    Floors everybodyAsked = Floors.of(new double[count - 1], count);
    int[] slots = new int[stages.laneRows()];
    int[] lengths = new int[slots.length];
    Arrays.setAll(slots, i -> i);
    Arrays.fill(lengths, length);
    int[] row = new int[length]; // token 0, which every vocabulary has
    for (int slot : slots) {
      stages.enter(slot, row);
    }
    int steps = Integer.SIZE - Integer.numberOfLeadingZeros(slots.length); // 1, 2, 4, … rows
    double[][] times = new double[count][steps];
    for (double[] ofStage : times) {
      Arrays.fill(ofStage, Double.POSITIVE_INFINITY);
    }
    double apart = Double.POSITIVE_INFINITY;
    double together = Double.POSITIVE_INFINITY;
    long start = System.nanoTime();
    for (int pass = 0;
        pass < LEAST_PASSES || (pass < MOST_PASSES && System.nanoTime() - start < WARM_UP_NANOS);
        pass++) {
      for (int s = 0; s < steps; s++) {
        int rows = 1 << s;
        double sum = 0;
        for (int stage = 0; stage < count; stage++) {
          long from = System.nanoTime();
          stages.launch(0, stage, stage, everybodyAsked, slots, lengths, rows);
          stages.await(0);
          double time = System.nanoTime() - from;
          sum += time;
          times[stage][s] = Math.min(times[stage][s], time);
        }
        if (s == 0) {
          long from = System.nanoTime();
          stages.launch(0, 0, count - 1, everybodyAsked, slots, lengths, rows);
          stages.await(0);
          together = Math.min(together, System.nanoTime() - from);
          apart = Math.min(apart, sum);
        } else if (pass > 1 && !worthDoubling(times, s)) {
          steps = s + 1;
        }
      }
    }
    int[] sizes = new int[steps];
    Arrays.setAll(sizes, s -> length << s);
    double look = count == 1 ? 0 : Math.max(0, (apart - together) / (count - 1));
    double[][] measured = new double[count][];
    for (int stage = 0; stage < count; stage++) {
      measured[stage] = Arrays.copyOf(times[stage], steps);
    }
    return new CostModel(sizes, measured, look);
  }

  private static boolean worthDoubling(double[][] times, int s) {
    double before = 0;
    double now = 0;
    for (double[] ofStage : times) {
      before += ofStage[s - 1];
      now += ofStage[s] / 2;
    }
    return now < WORTH_DOUBLING * before;
  }
}
