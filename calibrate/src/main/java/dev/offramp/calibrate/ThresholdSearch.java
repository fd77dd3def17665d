package dev.offramp.calibrate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.math3.random.HaltonSequenceGenerator;

/**
 * Looks for vectors of thresholds, one for each early exit, of little risk and cost: single
 * thresholds for all exits, quasi-random vectors, then changes to the best so far. What it finds is
 * fitted to the samples it is given.
 */
final class ThresholdSearch {
  /** Rounds in which the best so far are changed; they share half of the candidates. */
  private static final int ROUNDS = 4;

  /** The library's generator has so many dimensions. */
  private static final int MOST_DIMENSIONS = 40;

  /** Standard deviation of a change, as a share of the samples. */
  private static final double STEP = 0.1;

  /**
   * A vector of thresholds.
   *
   * @param ranks shape [early exits], how many of the samples' confidences at each exit are not
   *     above its threshold
   * @param risk mean loss
   * @param cost mean cost
   */
  record Candidate(int[] ranks, double[] thresholds, double risk, double cost) {}

  private final ExitTable table;
  private final double[][] lossOfExit;
  private final double[] costOfExit;
  private final int[] samples;

  /** Shape [early exits][samples that have a confidence], ascending. */
  private final float[][] sorted;

  ThresholdSearch(ExitTable table, double[][] lossOfExit, double[] costOfExit, int[] samples) {
    this.table = table;
    this.lossOfExit = lossOfExit;
    this.costOfExit = costOfExit;
    this.samples = samples;
    sorted = new float[table.exits() - 1][];
    for (int exit = 0; exit < sorted.length; exit++) {
      sorted[exit] = sorted(table.confidence()[exit], samples);
    }
  }

  private static float[] sorted(float[] confidence, int[] samples) {
    float[] values = new float[samples.length];
    int count = 0;
    for (int sample : samples) {
      if (!Float.isNaN(confidence[sample])) {
        values[count++] = confidence[sample];
      }
    }
    values = Arrays.copyOf(values, count);
    Arrays.sort(values);
    return values;
  }

  /**
   * The candidates that no other beats in both risk and cost, by ascending risk and descending
   * cost.
   *
   * @param count how many candidates are looked at besides the single thresholds
   */
  List<Candidate> front(int count, long seed) {
    List<Candidate> front = front(evaluate(Arrays.stream(Grid.uniform()).mapToObj(this::single)));
    int changes = count / (2 * ROUNDS);
    Supplier<double[]> points = points(seed);
    Stream<int[]> scattered =
        Stream.generate(points).limit(count - ROUNDS * changes).map(this::scattered);
    front = front(Stream.concat(front.stream(), evaluate(scattered)));
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < ROUNDS; round++) {
      List<Candidate> best = front;
      Stream<int[]> changed =
          IntStream.range(0, best.isEmpty() ? 0 : changes)
              .mapToObj(i -> changed(best.get(random.nextInt(best.size())).ranks(), random));
      front = front(Stream.concat(best.stream(), evaluate(changed)));
    }
    return front;
  }

  private Supplier<double[]> points(long seed) {
    if (sorted.length <= MOST_DIMENSIONS) {
      return new HaltonSequenceGenerator(sorted.length)::nextVector;
    }
    SplittableRandom random = new SplittableRandom(~seed);
    return () -> random.doubles(sorted.length).toArray();
  }

  private int[] single(double lambda) {
    int[] ranks = new int[sorted.length];
    for (int exit = 0; exit < ranks.length; exit++) {
      int place = Arrays.binarySearch(sorted[exit], (float) lambda);
      ranks[exit] = place < 0 ? -place - 1 : place + 1;
    }
    return ranks;
  }

  private int[] scattered(double[] point) {
    return IntStream.range(0, point.length)
        .map(exit -> (int) (point[exit] * (sorted[exit].length + 1)))
        .toArray();
  }

  private int[] changed(int[] ranks, SplittableRandom random) {
    int[] changed = ranks.clone();
    int exit = random.nextInt(ranks.length);
    double step = random.nextGaussian() * STEP * samples.length;
    changed[exit] = (int) Math.clamp(Math.rint(ranks[exit] + step), 0, sorted[exit].length);
    return changed;
  }

  private Stream<Candidate> evaluate(Stream<int[]> ranks) {
    return ranks.toList().parallelStream().map(this::evaluate);
  }

  private Candidate evaluate(int[] ranks) {
    double[] thresholds = thresholds(ranks);
    double risk = 0;
    double cost = 0;
    for (int sample : samples) {
      int exit = table.exitOf(sample, thresholds);
      risk += lossOfExit[exit][sample];
      cost += costOfExit[exit];
    }
    return new Candidate(ranks, thresholds, risk / samples.length, cost / samples.length);
  }

  private double[] thresholds(int[] ranks) {
    double[] thresholds = new double[ranks.length];
    for (int exit = 0; exit < ranks.length; exit++) {
      int rank = ranks[exit];
      if (rank == sorted[exit].length) {
        thresholds[exit] = 1;
      } else if (rank > 0) {
        thresholds[exit] = Math.clamp(sorted[exit][rank - 1], 0, 1);
      }
    }
    return thresholds;
  }

  private static List<Candidate> front(Stream<Candidate> candidates) {
    List<Candidate> front = new ArrayList<>();
    double cheapest = Double.POSITIVE_INFINITY;
    List<Candidate> ascending =
        candidates
            .sorted(
                Comparator.comparingDouble(Candidate::risk).thenComparingDouble(Candidate::cost))
            .toList();
    for (Candidate candidate : ascending) {
      if (candidate.cost() < cheapest) {
        cheapest = candidate.cost();
        front.add(candidate);
      }
    }
    return front;
  }
}
