package dev.offramp.calibrate;

import dev.offramp.calibrate.ThresholdSearch.Candidate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A threshold for each early exit: Pareto Testing, Laufer-Goldshtein et al., "Efficiently
 * Controlling Multiple Risks with Pareto Testing", arXiv 2210.07913, for one risk. One half of the
 * calibration samples, drawn by seed, serves to find vectors of thresholds that are good in risk
 * and cost and to put them in order of their p-values there; the other half tests them in this
 * order as a fixed sequence.
 */
public final class ParetoTesting {
  private final String risk;
  private final ExitTable table;
  private final double[][] lossOfExit;
  private final double bound;
  private final Settings settings;
  private final Split split;

  private ParetoTesting(
      String risk, ExitTable table, double[][] lossOfExit, double bound, Settings settings) {
    this.risk = risk;
    this.table = table;
    this.lossOfExit = lossOfExit;
    this.bound = bound;
    this.settings = settings;
    split = Split.of(table.samples(), settings.seed());
  }

  /**
   * The samples that serve to find and order vectors, ascending; whatever else is measured for that
   * purpose, such as costs, must come from them alone.
   */
  public static int[] orderingSamples(int samples, long seed) {
    return Split.of(samples, seed).ordering().clone();
  }

  /**
   * Calibrates a vector of thresholds: of the accepted ones the cheapest on the first half.
   *
   * @param risk its name, as the guarantee is to call it; empty for none
   * @param lossOfExit shape [exits][n], loss of each sample had it taken each exit; none above the
   *     bound, the last exit's 0
   * @param bound largest loss possible, positive
   * @param costOfExit shape [exits], cost of a sample that takes each exit, in any unit; measured
   *     on {@link #orderingSamples} or on data of its own, not on the samples that test
   * @param candidates number of vectors to look at, such as 2,000; at least 1
   * @param settings an LTT method with {@link Fwer#SPLIT}
   * @return a calibration whose {@code vectors} are never exit and then those tested, in order, up
   *     to the first that failed; {@code pValues} and {@code empiricalRisk} are those of the second
   *     half
   * @throws CalibrationException if shapes disagree, there is no early exit, fewer than 2 samples,
   *     a loss is NaN or above the bound, a cost is not finite, or the settings are others
   */
  public static Calibration calibrate(
      String risk,
      ExitTable table,
      double[][] lossOfExit,
      double bound,
      double[] costOfExit,
      int candidates,
      Settings settings) {
    check(table, lossOfExit, bound, costOfExit, candidates, settings);
    ParetoTesting testing = new ParetoTesting(risk, table, lossOfExit, bound, settings);
    return testing.test(testing.order(costOfExit, candidates));
  }

  /** The vectors worth testing, the most certain first; those dearer than never exit are not. */
  private List<Candidate> order(double[] costOfExit, int candidates) {
    double never = costOfExit[costOfExit.length - 1];
    return new ThresholdSearch(table, lossOfExit, costOfExit, split.ordering())
        .front(candidates, settings.seed()).stream()
            .filter(candidate -> candidate.cost() < never)
            .map(candidate -> new Ordered(candidate, pValue(losses(candidate, split.ordering()))))
            .sorted(Comparator.comparingDouble(Ordered::pValue))
            .map(Ordered::candidate)
            .toList();
  }

  private record Ordered(Candidate candidate, double pValue) {}

  private Calibration test(List<Candidate> order) {
    double[] never = new double[table.exits() - 1];
    Arrays.fill(never, 1);
    List<double[]> vectors = new ArrayList<>(List.of(never));
    List<Double> pValues = new ArrayList<>(List.of(pValue(new double[split.testing().length])));
    List<Double> risks = new ArrayList<>(List.of(0.0));
    int accepted = 0;
    int row = 0;
    while (accepted + 1 == vectors.size() && accepted < order.size() && settings.epsilon() > 0) {
      Candidate candidate = order.get(accepted);
      double[] losses = losses(candidate, split.testing());
      double pValue = pValue(losses);
      vectors.add(candidate.thresholds());
      pValues.add(pValue);
      risks.add(Arrays.stream(losses).sum() / losses.length);
      if (pValue <= settings.delta()) {
        accepted++;
        row = row == 0 || candidate.cost() <= order.get(row - 1).cost() ? accepted : row;
      }
    }
    int n = table.samples();
    return new Calibration(
        settings.method(),
        settings.fwer(),
        bound,
        settings.epsilon(),
        settings.delta(),
        n,
        new double[0],
        vectors.toArray(double[][]::new),
        row,
        IntStream.rangeClosed(1, accepted).toArray(),
        row == 0 ? reason(pValues) : null,
        row == 0
            ? Wording.NEVER_EXIT
            : Wording.exceptWithProbability(
                settings,
                n,
                "thresholds " + Arrays.toString(vectors.get(row)),
                Wording.level(risk, settings.epsilon())),
        planner().epsilonMin(n),
        pValues.stream().mapToDouble(p -> p).toArray(),
        new double[0],
        risks.stream().mapToDouble(risk -> risk).toArray(),
        List.of());
  }

  private String reason(List<Double> pValues) {
    if (settings.epsilon() <= 0) {
      return Wording.EPSILON_NOT_POSITIVE;
    }
    return planner()
        .shortfall(settings.epsilon(), table.samples())
        .orElseGet(() ->
            pValues.size() == 1
                ? "no vector of thresholds is cheaper than never exit"
                : Wording.text(
                    "no power: the p-value of the thresholds most certain on the first half is"
                        + " %.4g on the second, above delta",
                    pValues.get(1)));
  }

  private Planner planner() {
    return new Planner(settings.method(), settings.fwer(), settings.delta(), 2, bound, 0);
  }

  private double[] losses(Candidate candidate, int[] samples) {
    return IntStream.of(samples)
        .mapToDouble(i -> lossOfExit[table.exitOf(i, candidate.thresholds())][i])
        .toArray();
  }

  private double pValue(double[] losses) {
    return settings.epsilon() >= bound
        ? 0
        : settings.method().tail().pValue(losses, bound, settings.delta(), settings.epsilon());
  }

  private static void check(
      ExitTable table,
      double[][] lossOfExit,
      double bound,
      double[] costOfExit,
      int candidates,
      Settings settings) {
    if (!settings.method().tests() || settings.fwer() != Fwer.SPLIT) {
      throw new CalibrationException(
          "a threshold for each exit needs an ltt method with fwer split, not %s with %s"
              .formatted(settings.method().id(), settings.fwer().id()));
    }
    if (table.exits() < 2 || table.samples() < 2 || candidates < 1) {
      throw new CalibrationException(
          "a threshold for each exit needs an early exit, 2 samples and 1 candidate, not %d, %d, %d"
              .formatted(table.exits() - 1, table.samples(), candidates));
    }
    if (costOfExit.length != table.exits()
        || !Arrays.stream(costOfExit).allMatch(Double::isFinite)) {
      throw new CalibrationException(
          "the costs %s are not a number for each of %d exits"
              .formatted(Arrays.toString(costOfExit), table.exits()));
    }
    LossTable.checkLossOfExit(table, lossOfExit, bound);
  }
}
