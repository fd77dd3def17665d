package dev.offramp.calibrate.fwer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.calibrate.CalibrationException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class FwerTest {
  private static final double[] P = {0.01, 0.03, 0.2, 0.001, 0.02, 0.5};

  private static int[] rows(BitSet rejected) {
    return rejected.stream().toArray();
  }

  @Test
  void examplesByHand() {
    assertThat(rows(FixedSequence.reject(P, 0.1))).containsExactly(0, 1);
    // 0.1 / 6 = 0.0167.
    assertThat(rows(Bonferroni.reject(P, 0.1))).containsExactly(0, 3);
    // 0.001 <= 0.1 / 6, 0.01 <= 0.1 / 5, 0.02 <= 0.1 / 4, 0.03 <= 0.1 / 3, 0.2 > 0.1 / 2.
    assertThat(rows(Holm.reject(P, 0.1))).containsExactly(0, 1, 3, 4);
    // Starts at 0 and 3, each with 0.05.
    assertThat(rows(MultiStart.reject(P, 0.1, 2))).containsExactly(0, 1, 3, 4);
    // Shares of 0.0167: 0 rejected hands on, 1 at 0.033, 2 fails; 3 at 0.0167, 4 at 0.033, 5 not.
    assertThat(rows(Graphical.fallback(P, 0.1))).containsExactly(0, 1, 3, 4);
  }

  @Test
  void aPValueEqualToItsLevelIsRejected() {
    double[] one = {0.1};
    assertThat(FixedSequence.reject(one, 0.1).get(0)).isTrue();
    assertThat(Bonferroni.reject(one, 0.1).get(0)).isTrue();
    assertThat(Holm.reject(one, 0.1).get(0)).isTrue();
    assertThat(MultiStart.reject(one, 0.1, 4).get(0)).isTrue();
    assertThat(Graphical.fallback(one, 0.1).get(0)).isTrue();
    assertThat(Graphical.reject(one, 0.1, new double[] {1}, new double[1][1]).get(0)).isTrue();
    assertThat(FixedSequence.reject(new double[] {Math.nextUp(0.1)}, 0.1).isEmpty()).isTrue();
  }

  @Test
  void nothingToTest() {
    double[] none = {};
    assertThat(FixedSequence.reject(none, 0.1).isEmpty()).isTrue();
    assertThat(Bonferroni.reject(none, 0.1).isEmpty()).isTrue();
    assertThat(Holm.reject(none, 0.1).isEmpty()).isTrue();
    assertThat(MultiStart.reject(none, 0.1, 4).isEmpty()).isTrue();
    assertThat(Graphical.fallback(none, 0.1).isEmpty()).isTrue();
    assertThat(Graphical.reject(none, 0.1, none, new double[0][]).isEmpty()).isTrue();
  }

  /** Known graphs are known procedures, on random p-values. */
  @Test
  void graphsThatAreOtherProcedures() {
    SplittableRandom random = new SplittableRandom(System.nanoTime());
    for (int trial = 0; trial < 500; trial++) {
      int m = 1 + random.nextInt(12);
      double[] p = random.doubles(m).map(u -> 0.2 * u * u).toArray();
      double[] equal = new double[m];
      Arrays.fill(equal, 1.0 / m);
      double[] first = new double[m];
      first[0] = 1;
      double[][] chain = new double[m][m];
      double[][] all = new double[m][m];
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < m; j++) {
          chain[i][j] = j == i + 1 ? 1 : 0;
          all[i][j] = j == i ? 0 : 1.0 / (m - 1);
        }
      }
      String as = Arrays.toString(p);
      assertThat(Graphical.reject(p, 0.1, equal, new double[m][m]))
          .as(as)
          .isEqualTo(Bonferroni.reject(p, 0.1));
      assertThat(Graphical.reject(p, 0.1, equal, all)).as(as).isEqualTo(Holm.reject(p, 0.1));
      assertThat(Graphical.reject(p, 0.1, first, chain))
          .as(as)
          .isEqualTo(FixedSequence.reject(p, 0.1));
      assertThat(Graphical.reject(p, 0.1, equal, chain))
          .as(as)
          .isEqualTo(Graphical.fallback(p, 0.1));
    }
  }

  /**
   * 0 and 1 hand all they have to each other; once both are rejected there is nobody to hand to.
   */
  @Test
  void aPairThatHandsOnToItselfLeavesTheOthersAlone() {
    double[] weights = {0.4, 0.4, 0.2};
    double[][] pair = {{0, 1, 0}, {1, 0, 0}, {0, 0, 0}};
    // 0.03 <= 0.04; then 0.07 <= 0.08; and 0.01 <= 0.02 all along.
    assertThat(rows(Graphical.reject(new double[] {0.03, 0.07, 0.01}, 0.1, weights, pair)))
        .containsExactly(0, 1, 2);
    assertThat(rows(Graphical.reject(new double[] {0.05, 0.07, 0.01}, 0.1, weights, pair)))
        .containsExactly(2);
  }

  @Test
  void badGraphs() {
    double[] p = {0.1, 0.2};
    double[][] none = new double[2][2];
    assertBad(() -> Graphical.reject(p, 0.1, new double[1], none), "weight");
    assertBad(() -> Graphical.reject(p, 0.1, new double[] {0.6, 0.6}, none), "at most 1");
    assertBad(() -> Graphical.reject(p, 0.1, new double[] {-0.1, 0.6}, none), "at least 0");
    assertBad(() -> Graphical.reject(p, 0.1, new double[2], new double[3][2]), "one row of");
    assertBad(() -> Graphical.reject(p, 0.1, new double[2], new double[2][1]), "square");
    assertBad(
        () -> Graphical.reject(p, 0.1, new double[2], new double[][] {{0.1, 0}, {0, 0}}), "itself");
    assertBad(
        () -> Graphical.reject(p, 0.1, new double[2], new double[][] {{0, 2}, {0, 0}}), "row 0");
  }

  private static void assertBad(Runnable call, String message) {
    assertThatThrownBy(call::run)
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining(message);
  }
}
