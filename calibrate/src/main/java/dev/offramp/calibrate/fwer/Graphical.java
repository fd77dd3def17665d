package dev.offramp.calibrate.fwer;

import dev.offramp.calibrate.CalibrationException;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Sequentially rejective graphical procedure of Bretz, Maurer, Brannath and Posch (2009): each
 * hypothesis holds a share of delta and hands it on along the edges of a graph when rejected.
 */
public final class Graphical {
  private Graphical() {}

  /**
   * Any graph. Takes O(m^2) memory and, for sparse graphs, O(m) time for each rejection.
   *
   * @param pValues shape [m]
   * @param weights shape [m], initial shares of delta, non-negative, sum at most 1
   * @param transitions shape [m][m], share handed from row to column, non-negative, zero diagonal,
   *     each row sums to at most 1
   * @return indices of the rejected hypotheses
   * @throws CalibrationException if weights or transitions break these rules
   */
  public static BitSet reject(
      double[] pValues, double delta, double[] weights, double[][] transitions) {
    check(pValues.length, weights, transitions);
    double[] weight = weights.clone();
    double[][] graph = Arrays.stream(transitions).map(double[]::clone).toArray(double[][]::new);
    BitSet active = new BitSet(weight.length);
    active.set(0, weight.length);
    int i = firstRejectable(pValues, delta, weight, active);
    while (i >= 0) {
      active.clear(i);
      handOn(i, weight, graph, active);
      i = firstRejectable(pValues, delta, weight, active);
    }
    BitSet rejected = new BitSet(weight.length);
    rejected.set(0, weight.length);
    rejected.andNot(active);
    return rejected;
  }

  /**
   * The fallback procedure: equal shares, and a chain in which each hypothesis hands its share to
   * the next. O(m) in time and memory.
   *
   * @param pValues shape [m], in testing order
   * @return indices of the rejected hypotheses
   */
  public static BitSet fallback(double[] pValues, double delta) {
    BitSet rejected = new BitSet(pValues.length);
    double share = 1.0 / pValues.length;
    double weight = 0;
    for (int i = 0; i < pValues.length; i++) {
      weight += share;
      if (pValues[i] <= weight * delta) {
        rejected.set(i);
      } else {
        weight = 0;
      }
    }
    return rejected;
  }

  private static int firstRejectable(
      double[] pValues, double delta, double[] weight, BitSet active) {
    return active.stream().filter(i -> pValues[i] <= weight[i] * delta).findFirst().orElse(-1);
  }

  private static void handOn(int i, double[] weight, double[][] graph, BitSet active) {
    active.stream().forEach(j -> weight[j] += weight[i] * graph[i][j]);
    active.stream().filter(j -> graph[j][i] > 0).forEach(j -> rewire(i, j, graph, active));
  }

  /** Node i leaves: its edges from j go on to where i's edges went. */
  private static void rewire(int i, int j, double[][] graph, BitSet active) {
    double stays = 1 - graph[j][i] * graph[i][j];
    for (int k = active.nextSetBit(0); k >= 0; k = active.nextSetBit(k + 1)) {
      if (k != j) {
        double through = graph[j][k] + graph[j][i] * graph[i][k];
        graph[j][k] = stays > 0 ? through / stays : 0;
      }
    }
  }

  private static void check(int m, double[] weights, double[][] transitions) {
    require(weights.length == m, "give one weight for each p-value");
    require(transitions.length == m, "give one row of transitions for each p-value");
    require(isShare(weights), "weights must be at least 0 and sum to at most 1");
    for (int i = 0; i < m; i++) {
      require(transitions[i].length == m, "transitions must be square");
      require(transitions[i][i] == 0, "no hypothesis hands a share to itself");
      require(isShare(transitions[i]), "transitions of row " + i + " must sum to at most 1");
    }
  }

  private static boolean isShare(double[] values) {
    return Arrays.stream(values).allMatch(v -> v >= 0) && Arrays.stream(values).sum() <= 1 + 1e-9;
  }

  private static void require(boolean condition, String problem) {
    if (!condition) {
      throw new CalibrationException(problem);
    }
  }
}
