package dev.offramp.calibrate;

import java.util.BitSet;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Which rows a method accepts for all risks at once, and on what grounds.
 *
 * @param rows accepted rows, never row 0
 * @param pValues shape [K], or empty
 * @param upperBounds of the first risk, from row 0 up to the first that failed, or empty
 */
record Acceptance(BitSet rows, double[] pValues, double[] upperBounds) {
  private static final double[] NONE = {};

  static Acceptance of(List<RiskLevel> risks, Settings settings) {
    int rows = risks.getFirst().table().rows();
    if (risks.stream().anyMatch(risk -> risk.epsilon() <= 0)) {
      double[] pValues = IntStream.range(0, rows).mapToDouble(k -> 1).toArray();
      return new Acceptance(new BitSet(), settings.method().tests() ? pValues : NONE, NONE);
    }
    return switch (settings.method().family()) {
      case NAIVE, CRC ->
          ofMeans(
              risks,
              risks.stream()
                  .map(risk -> means(risk.table(), settings.method()))
                  .toArray(double[][]::new),
              settings.method());
      case UCB -> UpperBounds.accept(risks, settings);
      case LTT -> LearnThenTest.accept(risks, settings);
    };
  }

  /**
   * What {@link Method#NAIVE} or a CRC accepts.
   *
   * @param means shape [risks][K], see {@link #means}
   */
  static Acceptance ofMeans(List<RiskLevel> risks, double[][] means, Method method) {
    double[] limits = risks.stream().mapToDouble(risk -> limit(risk, method)).toArray();
    return ofPrefix(
        means[0].length,
        k -> IntStream.range(0, limits.length).allMatch(risk -> means[risk][k] <= limits[risk]),
        NONE);
  }

  /** The means that {@link Method#NAIVE} and the CRCs go by; shape [K]. */
  static double[] means(LossTable table, Method method) {
    return method == Method.CRC_SAMPLEWISE
        ? ConformalRiskControl.runningMaximumRisk(table)
        : table.risks();
  }

  /** The unbroken run of accepted rows after row 0, which needs no test. */
  static Acceptance ofPrefix(int rows, IntPredicate accepted, double[] upperBounds) {
    int end = IntStream.range(1, rows).filter(accepted.negate()).findFirst().orElse(rows);
    BitSet prefix = new BitSet(rows);
    prefix.set(Math.min(1, end), end);
    return new Acceptance(prefix, NONE, upperBounds);
  }

  /** The largest empirical risk that {@link Method#NAIVE} or a CRC accepts. */
  static double limit(RiskLevel risk, Method method) {
    if (risk.epsilon() <= 0) {
      return Double.NEGATIVE_INFINITY;
    }
    if (risk.isVoid()) {
      return Double.POSITIVE_INFINITY;
    }
    if (method == Method.NAIVE) {
      return risk.epsilon();
    }
    LossTable table = risk.table();
    double threshold =
        ConformalRiskControl.threshold(table.samples(), table.bound(), risk.epsilon());
    return threshold < 0 ? Double.NEGATIVE_INFINITY : threshold;
  }
}
