package dev.offramp.calibrate;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Accepts the unbroken run of rows whose upper confidence bound is below epsilon. A bound below
 * epsilon is a test of "risk at least epsilon" at level delta, and the run is a fixed sequence of
 * such tests, so that neither a monotone risk nor a union bound is needed.
 */
final class UpperBounds {
  /** Rows of which the bounds are computed at once, in parallel, until one fails. */
  private static final int BLOCK = 64;

  private UpperBounds() {}

  static Acceptance accept(List<RiskLevel> risks, Settings settings) {
    int rows = risks.getFirst().table().rows();
    double[][] upper = new double[risks.size()][rows];
    int known = 0;
    int failed = rows;
    while (known < rows && failed == rows) {
      int end = Math.min(rows, known + BLOCK);
      IntStream.range(known, end).parallel().forEach(k -> fill(k, upper, risks, settings));
      failed =
          IntStream.range(Math.max(1, known), end)
              .filter(k -> !accepts(k, upper, risks))
              .findFirst()
              .orElse(rows);
      known = end;
    }
    int first = failed;
    return Acceptance.ofPrefix(
        rows, k -> k < first, Arrays.copyOf(upper[0], Math.min(rows, failed + 1)));
  }

  private static void fill(int k, double[][] upper, List<RiskLevel> risks, Settings settings) {
    for (int risk = 0; risk < upper.length; risk++) {
      upper[risk][k] = bound(risks.get(risk), k, settings);
    }
  }

  /** The upper confidence bound of a risk at row k. */
  static double bound(RiskLevel risk, int k, Settings settings) {
    LossTable table = risk.table();
    return settings.method().tail().upperBound(table.losses()[k], table.bound(), settings.delta());
  }

  static boolean accepts(RiskLevel risk, double bound) {
    return bound < risk.epsilon() || risk.isVoid();
  }

  private static boolean accepts(int k, double[][] upper, List<RiskLevel> risks) {
    return IntStream.range(0, upper.length)
        .allMatch(risk -> accepts(risks.get(risk), upper[risk][k]));
  }
}
