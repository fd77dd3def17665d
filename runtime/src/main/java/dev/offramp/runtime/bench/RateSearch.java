package dev.offramp.runtime.bench;

import java.util.Optional;
import java.util.function.DoubleFunction;

/** Looks for the largest rate that keeps a limit. */
public final class RateSearch {
  /** Between the largest rate that passed and the least that failed, at the end. */
  public static final double PRECISION = 1.04;

  /** Where a fraction of what a mode does offline is too much, no rate keeps the limit. */
  private static final double LEAST_SHARE = 1.0 / 16;

  /** Beyond so many times the first guess nothing is tried. */
  public static final double LARGEST_SHARE = 16;

  private RateSearch() {}

  /**
   * Steps up or down from a first guess until one rate passes and one fails, then halves the gap
   * between them, in the logarithm. A rate has failed when it failed twice: what else a machine
   * does now and then would send the search astray.
   *
   * @param start first guess
   * @param step ratio of neighbouring rates while both sides are looked for, above 1
   * @param load tries a rate
   * @return the best probe that was within its limit, or nothing if none was
   */
  public static Optional<OpenLoop.Probe> search(
      double start, double step, DoubleFunction<OpenLoop.Probe> load) {
    OpenLoop.Probe best = null;
    double fails = Double.POSITIVE_INFINITY;
    double next = start;
    while (next >= start * LEAST_SHARE && next <= start * LARGEST_SHARE) {
      OpenLoop.Probe probe = load.apply(next);
      if (!probe.withinLimit()) {
        probe = load.apply(next);
      }
      if (probe.withinLimit()) {
        best = probe;
      } else {
        fails = next;
      }
      if (best != null && fails <= best.rate() * PRECISION) {
        break;
      }
      next =
          best == null
              ? fails / step
              : Double.isInfinite(fails) ? best.rate() * step : Math.sqrt(best.rate() * fails);
    }
    return Optional.ofNullable(best);
  }
}
