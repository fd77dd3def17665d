package dev.offramp.runtime.scheduler;

import java.util.Arrays;

/**
 * What stages cost on the device at hand, as {@link WarmUp} measures it: the time of each stage by
 * its number of tokens, and what it costs to look at an exit, that is to end a step there, wait for
 * the answer and begin another one. It decides when work waits or goes on, never what a row's
 * outcome is.
 */
public final class CostModel {
  /** A step is large enough if a token of it costs no more than this beyond the cheapest. */
  private static final double SLACK = 1.05;

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
   * The profit test: whether it pays to look at an exit rather than to run on all rows up to the
   * next one and look there.
   *
   * @param next the stage after the exit
   * @param last the stage of the next exit that is asked
   * @param tokens of all rows of the step
   * @param leaving share of them that would be known to have left by a look
   * @param others whether other rows are on their way, which take the place of those that leave
   */
  boolean pays(int next, int last, int tokens, double leaving, boolean others) {
    double gone = leaving * tokens;
    double saved = 0;
    for (int stage = next; stage <= last; stage++) {
      saved += others ? gone * best(stage) : nanos(stage, tokens) - nanos(stage, tokens - gone);
    }
    return saved > look;
  }
}
