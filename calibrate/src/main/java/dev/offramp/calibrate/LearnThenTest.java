package dev.offramp.calibrate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Learn then Test (arXiv 2110.01052): tests for each row but the first the hypothesis that some
 * risk exceeds its level, and accepts what an {@link Fwer} procedure rejects.
 */
final class LearnThenTest {
  private LearnThenTest() {}

  static Acceptance accept(List<RiskLevel> risks, Settings settings) {
    LossTable table = risks.getFirst().table();
    Split split =
        settings.fwer() == Fwer.SPLIT
            ? Split.of(table.samples(), settings.seed())
            : Split.testAll(table.samples());
    int[] order = IntStream.range(1, table.rows()).toArray();
    if (split.ordering().length > 0) {
      order = ascending(order, pValues(risks, settings, split.ordering()));
    }
    double[] pValues = pValues(risks, settings, split.testing());
    double[] inOrder = IntStream.of(order).mapToDouble(k -> pValues[k]).toArray();
    BitSet rejected = settings.fwer().reject(inOrder, settings.delta());
    BitSet rows = new BitSet(table.rows());
    for (int i = rejected.nextSetBit(0); i >= 0; i = rejected.nextSetBit(i + 1)) {
      rows.set(order[i]);
    }
    return new Acceptance(rows, pValues, new double[0]);
  }

  /** The rows by p-value, of equal ones the less eager first. */
  private static int[] ascending(int[] rows, double[] pValues) {
    return Arrays.stream(rows)
        .boxed()
        .sorted(Comparator.comparingDouble(k -> pValues[k]))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** Shape [K]; of several risks the largest: the union of the hypotheses is tested. */
  private static double[] pValues(List<RiskLevel> risks, Settings settings, int[] samples) {
    LossTable table = risks.getFirst().table();
    double level = Planner.of(settings, table).level();
    return IntStream.range(0, table.rows())
        .parallel()
        .mapToDouble(k ->
            risks.stream()
                .mapToDouble(risk -> pValue(risk, k, samples, settings.method().tail(), level))
                .max()
                .orElseThrow())
        .toArray();
  }

  private static double pValue(RiskLevel risk, int k, int[] samples, Tail tail, double level) {
    if (risk.isVoid()) {
      return 0;
    }
    double[] losses = risk.table().losses()[k];
    if (samples.length < losses.length) {
      double[] all = losses;
      losses = IntStream.of(samples).mapToDouble(i -> all[i]).toArray();
    }
    return tail.pValue(losses, risk.table().bound(), level, risk.epsilon());
  }
}
