package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.calibrate.ThresholdSearch.Candidate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the search finds where everything there is can be tried as well. */
class ThresholdSearchTest {
  private static final int EARLY = 2;
  private static final int SAMPLES = 16;
  private static final double[] COST = {1, 1.7, 3};

  /** Risk and cost of a candidate, as sums that are exact. */
  private record Point(long risk, long cost) {
    static Point of(Candidate candidate) {
      return new Point(Math.round(candidate.risk() * 1e6), Math.round(candidate.cost() * 1e6));
    }
  }

  private static ExitTable table(Random random) {
    float[][] confidence = new float[EARLY + 1][SAMPLES];
    for (float[] exit : confidence) {
      for (int i = 0; i < SAMPLES; i++) {
        exit[i] = random.nextInt(10) == 0 ? Float.NaN : random.nextFloat();
      }
      exit[0] = exit[1] = 0.5f; // Equal confidences leave together.
    }
    return new ExitTable(confidence, new int[EARLY + 1][SAMPLES]);
  }

  /** Thresholds below all confidences, at each and above all: no others make a difference. */
  private static double[] places(float[] confidence, int[] samples) {
    return IntStream.concat(Arrays.stream(samples), IntStream.of(-1, -2))
        .mapToDouble(i -> i == -1 ? 0 : i == -2 ? 1 : confidence[i])
        .filter(value -> !Double.isNaN(value))
        .sorted()
        .toArray();
  }

  private static List<Point> allThatNoneBeats(ExitTable table, double[][] loss, int[] samples) {
    List<Point> all = new ArrayList<>();
    for (double first : places(table.confidence()[0], samples)) {
      for (double second : places(table.confidence()[1], samples)) {
        double risk = 0;
        double cost = 0;
        for (int i : samples) {
          int exit =
              table.confidence()[0][i] > first && first < 1
                  ? 0
                  : table.confidence()[1][i] > second && second < 1 ? 1 : 2;
          risk += loss[exit][i];
          cost += COST[exit];
        }
        all.add(
            new Point(
                Math.round(risk / samples.length * 1e6), Math.round(cost / samples.length * 1e6)));
      }
    }
    return all.stream()
        .filter(one ->
            all.stream()
                .noneMatch(other ->
                    !other.equals(one) && other.risk() <= one.risk() && other.cost() <= one.cost()))
        .distinct()
        .sorted(Comparator.comparingLong(Point::risk))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void nothingIsMissedWhereThereIsLittle(long seed) {
    Random random = new Random(seed);
    ExitTable table = table(random);
    double[][] loss = new double[EARLY + 1][SAMPLES];
    for (int exit = 0; exit < EARLY; exit++) {
      Arrays.setAll(loss[exit], i -> random.nextInt(5) / 4.0);
    }
    int[] samples = IntStream.range(0, SAMPLES).filter(i -> i % 4 != 3).toArray();
    List<Candidate> front = new ThresholdSearch(table, loss, COST, samples).front(4000, seed);
    assertThat(front.stream().map(Point::of))
        .containsExactlyElementsOf(allThatNoneBeats(table, loss, samples))
        .hasSizeGreaterThan(3);
    for (Candidate candidate : front) {
      assertThat(candidate.thresholds())
          .as("what is tested later is what was looked at")
          .satisfies(thresholds -> {
            double risk =
                Arrays.stream(samples)
                    .mapToDouble(i -> loss[table.exitOf(i, thresholds)][i])
                    .average()
                    .orElseThrow();
            assertThat(risk).isEqualTo(candidate.risk());
          });
    }
  }
}
