package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.calibrate.bound.Betting;
import dev.offramp.calibrate.bound.Binomial;
import dev.offramp.calibrate.bound.Hoeffding;
import dev.offramp.calibrate.bound.HoeffdingBentkus;
import dev.offramp.calibrate.fwer.Bonferroni;
import dev.offramp.calibrate.fwer.FixedSequence;
import dev.offramp.calibrate.fwer.Graphical;
import dev.offramp.calibrate.fwer.Holm;
import dev.offramp.calibrate.loss.Distributions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every entry of a file of reference vectors, computed in 60-digit arithmetic; not part of the
 * repository. System property {@code golden.file} names the file, absolute or relative to the
 * directory in which Maven was started.
 */
class GoldenVectorsTest {
  private static final double P_VALUE_TOLERANCE = 1e-9;
  private static final double BOUND_TOLERANCE = 1e-8;
  private static final double LOSS_TOLERANCE = 1e-12;

  /** Subnormal numbers have few digits. */
  private static final double SUBNORMAL = 1e-318;

  private static JsonObject golden;

  @BeforeAll
  static void read() throws IOException {
    String given = System.getProperty("golden.file", "");
    Path file =
        given.isEmpty()
            ? Path.of(System.getProperty("offramp.shared"), "reference", "golden.json")
            : Path.of(System.getProperty("golden.directory")).resolve(given);
    if (given.isEmpty() && !Files.exists(file)) {
      String reason = "no reference vectors at " + file + "; name a file by -Dgolden.file";
      System.err.println("SKIPPED GoldenVectorsTest: " + reason);
      assumeTrue(false, reason);
    }
    golden = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  @TestFactory
  Stream<DynamicTest> hoeffdingBentkus() {
    return entries(
        "hb_pvalue",
        c -> {
          double sum = number(c, "sum");
          int n = c.get("n").getAsInt();
          double alpha = number(c, "alpha");
          assertPValue(HoeffdingBentkus.pValue(sum, n, alpha), c, "p");
          assertLog(HoeffdingBentkus.logPValue(sum, n, alpha), c, "log_p");
        });
  }

  @TestFactory
  Stream<DynamicTest> binomial() {
    return entries(
        "binomial_pvalue",
        c -> {
          int successes = c.get("k").getAsInt();
          int n = c.get("n").getAsInt();
          double alpha = number(c, "alpha");
          assertPValue(Binomial.pValue(successes, n, alpha), c, "p");
          assertLog(Binomial.logPValue(successes, n, alpha), c, "log_p");
          assertBound(Binomial.upperBound(successes, n, 0.05), c, "cp_ucb_delta_0_05");
        });
  }

  @TestFactory
  Stream<DynamicTest> losses() {
    return entries(
        "losses",
        c -> {
          double[] early = numbers(c.get("p_early"));
          double[] full = numbers(c.get("p_full"));
          int label = c.get("y").getAsInt();
          int e = argMax(early);
          int f = argMax(full);
          assertLoss(Risk.PREDICTION_GAP.loss(e, f, label), c, "zero_one_gap");
          assertLoss(Risk.PREDICTION_CONSISTENCY.loss(e, f, label), c, "zero_one_consistency");
          assertLoss(Distributions.brierGap(early, full, label), c, "brier_gap");
          assertLoss(Distributions.topBrierConsistency(early, full), c, "brier_consistency_top");
          assertLoss(Distributions.brierConsistency(early, full), c, "brier_consistency_expected");
          assertLoss(Distributions.hellinger(early, full), c, "hellinger");
        });
  }

  private static int argMax(double[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }

  private static void assertLoss(double actual, JsonObject entry, String field) {
    assertThat(actual).as(field).isCloseTo(number(entry, field), within(LOSS_TOLERANCE));
  }

  @TestFactory
  Stream<DynamicTest> betting() {
    return entries(
        "wsr",
        c -> {
          double[] x = numbers(c.get("x"));
          int n = x.length;
          double delta = number(c, "delta");
          double bound = number(c, "B");
          double lower = number(c, "lower");
          double range = bound - lower;
          assertBound(Betting.upperBound(x, bound, delta), c, "ucb");
          double[] shifted = Arrays.stream(x).map(v -> (v - lower) / range).toArray();
          double affine = lower + range * Betting.upperBound(shifted, 1, delta);
          assertBound(affine, c, "ucb_affine");
          if (c.has("ucb_scaled")) {
            double[] scaled = Arrays.stream(x).map(v -> v / bound).toArray();
            assertBound(bound * Betting.upperBound(scaled, 1, delta), c, "ucb_scaled");
          }
          if (c.has("hoeffding_ucb")) {
            double mean = Arrays.stream(x).sum() / n;
            assertBound(Hoeffding.upperBound(mean, n, delta, range), c, "hoeffding_ucb");
          }
          if (c.has("hb_ucb")) {
            double sum = Arrays.stream(x).map(v -> v / bound).sum();
            assertBound(bound * HoeffdingBentkus.upperBound(sum, n, delta), c, "hb_ucb");
          }
          double epsilon = number(c, "eps");
          assertPValue(Betting.pValue(x, bound, delta, epsilon), c, "wsr_p");
          assertThat(Betting.logPValue(x, bound, delta, epsilon))
              .isCloseTo(Math.min(0, -number(c, "log_maxK")), within(P_VALUE_TOLERANCE));
        });
  }

  @TestFactory
  Stream<DynamicTest> conformalRiskControl() {
    return entries(
        "crc",
        c -> {
          double[] risk = numbers(c.get("risk"));
          int n = c.get("n").getAsInt();
          double bound = number(c, "B");
          double epsilon = number(c, "eps");
          double threshold = ConformalRiskControl.threshold(n, bound, epsilon);
          assertBound(threshold, c, "threshold");
          assertThat(threshold < 0).as("fallback").isEqualTo(c.get("fallback").getAsBoolean());
          double[] largest = risk.clone();
          Arrays.parallelPrefix(largest, Math::max);
          RiskLevel level =
              new RiskLevel(
                  "any",
                  new LossTable(lambdas(risk.length), new double[risk.length][n], bound),
                  epsilon);
          assertAccepted(level, Method.CRC, risk, c, "index");
          assertAccepted(level, Method.CRC_SAMPLEWISE, largest, c, "index_running_max");
          assertAccepted(level, Method.NAIVE, risk, c, "naive_index");
        });
  }

  /** What a method selects that goes by these means. */
  private static void assertAccepted(
      RiskLevel level, Method method, double[] means, JsonObject entry, String field) {
    assertThat(
            Acceptance.ofMeans(List.of(level), new double[][] {means}, method).rows().cardinality())
        .as(field)
        .isEqualTo(entry.get(field).getAsInt());
  }

  @TestFactory
  Stream<DynamicTest> selection() {
    return entries(
        "selection",
        c -> {
          double[][] losses =
              c.getAsJsonArray("losses").asList().stream()
                  .map(GoldenVectorsTest::numbers)
                  .toArray(double[][]::new);
          assertThat(losses).hasNumberOfRows(c.get("K").getAsInt());
          LossTable table = new LossTable(lambdas(losses.length), losses, number(c, "B"));
          assertThat(table.samples()).isEqualTo(c.get("n").getAsInt());
          double delta = number(c, "delta");
          double epsilon = number(c, "eps");
          assertRow(table, Method.NAIVE, c, "naive");
          assertRow(table, Method.CRC, c, "crc");
          assertRow(table, Method.CRC_SAMPLEWISE, c, "crc_samplewise_monotone");
          assertRow(table, Method.UCB_WSR, c, "ucb_wsr");
          assertRow(table, Method.LTT_HB, c, "ltt_hb_fst");
          assertRow(table, Method.LTT_WSR, c, "ltt_wsr_fst");
          assertRows(table, Fwer.BONFERRONI, c, "ltt_hb_bonferroni");
          assertRows(table, Fwer.HOLM, c, "ltt_hb_holm");
          assertRows(table, Fwer.GRAPHICAL, c, "ltt_hb_fallback_chain");
          double[] hb = assertPValues(table, Method.LTT_HB, c, "hb_p");
          double[] wsr = assertPValues(table, Method.LTT_WSR, c, "wsr_p");
          if (c.has("binom_p")) {
            assertRow(table, Method.LTT_BINOMIAL, c, "ltt_binom_fst");
            assertPValues(table, Method.LTT_BINOMIAL, c, "binom_p");
          }
          double[] upper = numbers(c.get("wsr_ucb"));
          for (int k = 0; k < upper.length; k++) {
            assertThat(Tail.BETTING.upperBound(losses[k], table.bound(), delta))
                .as("wsr_ucb[" + k + "]")
                .isCloseTo(upper[k], within(BOUND_TOLERANCE));
          }
          double[] computed =
              Calibrator.calibrate(table, new Settings(Method.UCB_WSR, epsilon, delta))
                  .upperBounds();
          assertThat(computed)
              .containsExactly(Arrays.copyOf(upper, computed.length), within(BOUND_TOLERANCE));
          double[] larger =
              IntStream.range(1, hb.length).mapToDouble(k -> Math.max(hb[k], wsr[k])).toArray();
          assertThat(FixedSequence.reject(larger, delta).cardinality())
              .as("ltt_two_risks_max_fst")
              .isEqualTo(c.get("ltt_two_risks_max_fst").getAsInt());
        });
  }

  @TestFactory
  Stream<DynamicTest> graphical() {
    return entries(
        "graphical",
        c -> {
          double[] p = numbers(c.get("p"));
          double delta = number(c, "delta");
          double[][] graph =
              c.getAsJsonArray("G").asList().stream()
                  .map(GoldenVectorsTest::numbers)
                  .toArray(double[][]::new);
          assertRejected(Graphical.reject(p, delta, numbers(c.get("w")), graph), c, "rejected");
          assertRejected(Bonferroni.reject(p, delta), c, "bonferroni");
          assertRejected(Holm.reject(p, delta), c, "holm");
        });
  }

  private static double[] lambdas(int rows) {
    return rows == 1 ? new double[] {1} : Grid.uniform(rows - 1);
  }

  private static int row(LossTable table, Method method, double epsilon, double delta) {
    return Calibrator.calibrate(table, new Settings(method, epsilon, delta)).rowIndex();
  }

  private static void assertRow(LossTable table, Method method, JsonObject entry, String field) {
    assertThat(row(table, method, number(entry, "eps"), number(entry, "delta")))
        .as(field)
        .isEqualTo(entry.get(field).getAsInt());
  }

  private static void assertRows(LossTable table, Fwer fwer, JsonObject entry, String field) {
    Settings settings =
        new Settings(Method.LTT_HB, fwer, number(entry, "eps"), number(entry, "delta"));
    assertThat(Calibrator.calibrate(table, settings).acceptedRows())
        .as(field)
        .isEqualTo(integers(entry.get(field)));
  }

  private static double[] assertPValues(
      LossTable table, Method method, JsonObject entry, String field) {
    Settings settings = new Settings(method, number(entry, "eps"), number(entry, "delta"));
    double[] pValues = Calibrator.calibrate(table, settings).pValues();
    double[] expected = numbers(entry.get(field));
    assertThat(pValues).as(field).hasSameSizeAs(expected);
    for (int k = 0; k < expected.length; k++) {
      assertThat(pValues[k])
          .as(field + "[" + k + "]")
          .isCloseTo(expected[k], within(P_VALUE_TOLERANCE * expected[k] + SUBNORMAL));
    }
    return pValues;
  }

  private static void assertRejected(BitSet rejected, JsonObject entry, String field) {
    assertThat(rejected.stream().toArray()).as(field).isEqualTo(integers(entry.get(field)));
  }

  private static int[] integers(JsonElement array) {
    return Arrays.stream(numbers(array)).mapToInt(value -> (int) value).toArray();
  }

  @Test
  void fileHoldsAsManyEntriesAsItSays() {
    JsonElement meta = golden.get("meta");
    assumeTrue(meta != null && meta.getAsJsonObject().has("counts"), "the file has no counts");
    meta.getAsJsonObject()
        .getAsJsonObject("counts")
        .asMap()
        .forEach((array, count) ->
            assertThat(golden.getAsJsonArray(array)).as(array).hasSize(count.getAsInt()));
  }

  /** A test for each entry of an array that must be there. */
  private static Stream<DynamicTest> entries(String array, Consumer<JsonObject> check) {
    assertThat(golden.has(array)).as("the file holds " + array).isTrue();
    JsonArray entries = golden.getAsJsonArray(array);
    assertThat(entries).as(array).isNotEmpty();
    return IntStream.range(0, entries.size())
        .mapToObj(i ->
            DynamicTest.dynamicTest(
                array + "[" + i + "]", () -> check.accept(entries.get(i).getAsJsonObject())));
  }

  private static void assertPValue(double actual, JsonObject entry, String field) {
    double expected = number(entry, field);
    assertThat(actual)
        .as(field)
        .isCloseTo(expected, within(P_VALUE_TOLERANCE * expected + SUBNORMAL));
  }

  /** An absolute error of a logarithm is a relative one of the p-value; null is -infinity. */
  private static void assertLog(double actual, JsonObject entry, String field) {
    if (entry.get(field).isJsonNull()) {
      assertThat(actual).as(field).isEqualTo(Double.NEGATIVE_INFINITY);
    } else {
      double expected = number(entry, field);
      // Beyond the range of p itself, the double has no digits for an absolute tolerance.
      double tolerance = P_VALUE_TOLERANCE * Math.max(1, Math.abs(expected) / 1_000);
      assertThat(actual).as(field).isCloseTo(expected, within(tolerance));
    }
  }

  private static void assertBound(double actual, JsonObject entry, String field) {
    assertThat(actual).as(field).isCloseTo(number(entry, field), within(BOUND_TOLERANCE));
  }

  private static double number(JsonObject entry, String field) {
    return entry.get(field).getAsDouble();
  }

  private static double[] numbers(JsonElement array) {
    return StreamSupport.stream(array.getAsJsonArray().spliterator(), false)
        .mapToDouble(JsonElement::getAsDouble)
        .toArray();
  }
}
