package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The promises themselves, by simulation: calibration sets are drawn from known risk curves, and
 * what each method accepts is held against the true risk. The same check must catch rules that are
 * wrong.
 */
class ValidityTest {
  private static final int TRIALS = 2_000;
  private static final double EPSILON = 0.1;
  private static final double DELTA = 0.1;

  /** Three standard errors of a violation rate of delta. */
  private static final double ALLOWED = DELTA + 3 * Math.sqrt(DELTA * (1 - DELTA) / TRIALS);

  /**
   * True risks, and whether a sample's losses at all rows come from one draw or are independent.
   */
  private enum Curve {
    /** Rises slowly through epsilon, so that a rule one row too eager would show. */
    MONOTONE(160, true, 24, k -> 0.006 * k),
    MONOTONE_INDEPENDENT(160, false, 24, k -> 0.006 * k),
    /** Falls back below epsilon after exceeding it, twice. */
    WAVY(160, true, 24, k -> 0.08 * Math.sin(k * 0.4) + 0.004 * k),
    WAVY_INDEPENDENT(160, false, 24, k -> 0.08 * Math.sin(k * 0.4) + 0.004 * k),
    /** So few rows that one too many is fatal. */
    COARSE(100, true, 3, k -> k == 0 ? 0 : 0.1 + 0.05 * k),
    /** Just unsafe everywhere: each row is a chance to fail. */
    NEAR_NULL(160, true, 31, k -> k == 0 ? 0 : 0.105),
    NEAR_NULL_INDEPENDENT(160, false, 31, k -> k == 0 ? 0 : 0.105);

    private final int samples;
    private final boolean coupled;
    private final double[] risk;

    Curve(int samples, boolean coupled, int rows, IntToDoubleFunction risk) {
      this.samples = samples;
      this.coupled = coupled;
      this.risk = IntStream.range(0, rows).mapToDouble(risk).toArray();
    }

    /**
     * Losses of 0 and 1.
     *
     * @param helped share of samples whose loss is -1 once early, made up for by more losses of 1
     */
    LossTable draw(long seed, double helped) {
      SplittableRandom random = new SplittableRandom(seed);
      double[][] losses = new double[risk.length][samples];
      for (int i = 0; i < samples; i++) {
        double u = random.nextDouble();
        for (int k = 1; k < risk.length; k++) {
          double draw = coupled ? u : random.nextDouble();
          losses[k][i] = draw < risk[k] + helped ? 1 : draw > 1 - helped ? -1 : 0;
        }
      }
      return new LossTable(Grid.uniform(risk.length - 1), losses, 1);
    }
  }

  /** What a rule accepts; empty for never exit. */
  private interface Rule extends Function<LossTable, int[]> {}

  /**
   * @param violations share of the calibration sets for which an accepted row is unsafe
   * @param meanRisk true risk of the last accepted row, averaged over calibration sets
   * @param standardError of {@code meanRisk}
   * @param meanRow last accepted row, averaged
   */
  private record Outcome(double violations, double meanRisk, double standardError, double meanRow) {
    boolean keepsProbability() {
      return violations <= ALLOWED;
    }

    boolean keepsExpectation() {
      return meanRisk <= EPSILON + 3 * standardError;
    }
  }

  private static Rule rule(Method method, Fwer fwer) {
    return table ->
        Calibrator.calibrate(table, new Settings(method, fwer, EPSILON, DELTA)).acceptedRows();
  }

  private static Rule rule(Method method) {
    return rule(method, Fwer.FIXED_SEQUENCE);
  }

  /** The rules that promise it with high probability. */
  private static Map<String, Rule> promising() {
    Map<String, Rule> rules = new LinkedHashMap<>();
    Stream.of(Method.values())
        .filter(method -> method.promise() == Promise.HIGH_PROBABILITY)
        .forEach(method -> rules.put(method.id(), rule(method)));
    for (Fwer fwer : Fwer.values()) {
      rules.put("ltt-binomial with " + fwer.id(), rule(Method.LTT_BINOMIAL, fwer));
    }
    rules.put("ltt-wsr with holm", rule(Method.LTT_WSR, Fwer.HOLM));
    rules.put("ltt-wsr with split", rule(Method.LTT_WSR, Fwer.SPLIT));
    return rules;
  }

  @ParameterizedTest
  @EnumSource
  void everyMethodKeepsItsPromise(Curve curve) {
    simulate(curve, 0, promising())
        .forEach((name, outcome) -> {
          assertThat(outcome.keepsProbability()).as("%s: %s", name, outcome).isTrue();
          if (curve.risk[1] < EPSILON / 10) {
            // Not by always falling back: some threshold is usually found.
            assertThat(outcome.meanRow()).as("%s: %s", name, outcome).isGreaterThan(1);
          }
        });
  }

  @Test
  void promisesHoldForGapLosses() {
    Map<String, Rule> rules = new LinkedHashMap<>();
    for (Method method : new Method[] {Method.LTT_HB, Method.LTT_WSR, Method.UCB_WSR}) {
      rules.put(method.id(), rule(method));
    }
    for (Curve curve : new Curve[] {Curve.MONOTONE, Curve.NEAR_NULL}) {
      simulate(curve, 0.03, rules)
          .forEach((name, outcome) ->
              assertThat(outcome.keepsProbability()).as("%s: %s", name, outcome).isTrue());
    }
  }

  @Test
  void crcKeepsItsExpectationWhereLossesAreMonotone() {
    for (Curve curve : new Curve[] {Curve.MONOTONE, Curve.COARSE, Curve.NEAR_NULL}) {
      Outcome outcome = simulate(curve, rule(Method.CRC));
      assertThat(outcome.keepsExpectation()).as("%s: %s", curve, outcome).isTrue();
      assertThat(outcome.meanRisk()).as("not idle on %s", curve).isGreaterThan(EPSILON / 20);
    }
    // It promises no more than that.
    assertThat(simulate(Curve.MONOTONE, rule(Method.CRC)).keepsProbability()).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void crcSamplewiseKeepsItsExpectationAlways(Curve curve) {
    Outcome outcome = simulate(curve, rule(Method.CRC_SAMPLEWISE));
    assertThat(outcome.keepsExpectation()).as(outcome.toString()).isTrue();
  }

  @Test
  void theCheckCatchesNaive() {
    for (Curve curve : new Curve[] {Curve.MONOTONE, Curve.NEAR_NULL}) {
      assertThat(simulate(curve, rule(Method.NAIVE)).keepsProbability()).as("%s", curve).isFalse();
    }
  }

  /** The published code of arXiv 2405.20915 returns the first row that is not rejected. */
  @Test
  void theCheckCatchesAnLttThatIsOffByOne() {
    Rule offByOne =
        table -> {
          int row = rule(Method.LTT_HB).apply(table).length;
          return IntStream.rangeClosed(1, Math.min(row + 1, table.rows() - 1)).toArray();
        };
    assertThat(simulate(Curve.COARSE, offByOne).keepsProbability()).isFalse();
    assertThat(simulate(Curve.NEAR_NULL, offByOne).keepsProbability()).isFalse();
  }

  /** Nor may the last row that passes its own test be taken after one that did not. */
  @Test
  void theCheckCatchesTheLastRowAcceptedAnywhere() {
    Rule anywhere =
        table -> {
          Settings settings = new Settings(Method.LTT_HB, EPSILON, DELTA);
          double[] pValues = Calibrator.calibrate(table, settings).pValues();
          return IntStream.range(1, pValues.length).filter(k -> pValues[k] <= DELTA).toArray();
        };
    assertThat(simulate(Curve.NEAR_NULL_INDEPENDENT, anywhere).keepsProbability()).isFalse();
  }

  private static Outcome simulate(Curve curve, Rule rule) {
    return simulate(curve, 0, Map.of("it", rule)).get("it");
  }

  /** Every rule sees the same calibration sets. */
  private static Map<String, Outcome> simulate(
      Curve curve, double helped, Map<String, Rule> rules) {
    int[][][] accepted =
        IntStream.range(0, TRIALS)
            .parallel()
            .mapToObj(trial -> {
              LossTable table = curve.draw(20240531L * TRIALS + trial, helped);
              return rules.values().stream().map(rule -> rule.apply(table)).toArray(int[][]::new);
            })
            .toArray(int[][][]::new);
    Map<String, Outcome> outcomes = new LinkedHashMap<>();
    for (String name : rules.keySet()) {
      int rule = outcomes.size();
      outcomes.put(name, outcome(curve, Stream.of(accepted).map(trial -> trial[rule]).toList()));
    }
    return outcomes;
  }

  private static Outcome outcome(Curve curve, List<int[]> accepted) {
    double violations = 0;
    double rows = 0;
    double[] risks = new double[TRIALS];
    for (int trial = 0; trial < TRIALS; trial++) {
      int[] those = accepted.get(trial);
      int last = those.length == 0 ? 0 : those[those.length - 1];
      violations += Arrays.stream(those).anyMatch(k -> curve.risk[k] > EPSILON) ? 1 : 0;
      rows += last;
      risks[trial] = curve.risk[last];
    }
    double mean = Arrays.stream(risks).average().orElseThrow();
    double squares = Arrays.stream(risks).map(r -> (r - mean) * (r - mean)).sum();
    double standardError = Math.sqrt(squares / (TRIALS - 1) / TRIALS);
    return new Outcome(violations / TRIALS, mean, standardError, rows / TRIALS);
  }
}
