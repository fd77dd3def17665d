package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static dev.offramp.runtime.cli.Offramp.words;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.offramp.runtime.cli.Offramp.Outcome;
import dev.offramp.runtime.io.NpyFile;
import dev.offramp.runtime.validate.Split;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** calibrate and validate on the losses of a model that runs elsewhere. */
class ValidateCliTest {
  private static final int ROWS = 11;
  private static final int SAMPLES = 400;
  private static final List<String> METHODS =
      List.of(
          "naive",
          "crc",
          "crc-samplewise",
          "ucb-wsr",
          "ucb-hb",
          "ucb-hoeffding",
          "ucb-binomial",
          "ltt-hb",
          "ltt-binomial",
          "ltt-wsr");

  @TempDir private Path folder;
  private Path losses;
  private Path grid;
  private double[][] matrix;

  /** 0/1 losses whose risk grows by 0.02 a row; a sample that errs goes on to err. */
  @BeforeEach
  void write() throws IOException {
    Random random = new Random(21);
    matrix = new double[ROWS][SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
      double errs = random.nextDouble();
      for (int k = 1; k < ROWS; k++) {
        matrix[k][i] = errs < 0.02 * k ? 1 : 0;
      }
    }
    losses = NpyFile.write(folder.resolve("losses.npy"), matrix);
    List<String> lines = new ArrayList<>(List.of("row,lambda,mean_exit_layer"));
    for (int k = 0; k < ROWS; k++) {
      lines.add(k + "," + (ROWS - 1 - k) / 10.0 + "," + (12 - k));
    }
    grid = Files.write(folder.resolve("grid.csv"), lines);
  }

  /** What a line typed in the test's folder names, and the losses. */
  private Object[] with(String line) {
    Object[] given = {"--losses", losses, "--lambdas", grid};
    return Stream.of(words(folder, line), given).flatMap(Arrays::stream).toArray();
  }

  @Test
  void everyMethodCalibratesOnGivenLosses() {
    for (String method : METHODS) {
      Outcome outcome = offramp(with("calibrate --epsilon 0.15 --method " + method + " --json"));
      assertThat(outcome.code()).as(outcome.err()).isZero();
      JsonObject json = outcome.json();
      assertThat(json.get("method").getAsString()).isEqualTo(method);
      assertThat(json.get("calibrationSize").getAsInt()).isEqualTo(SAMPLES);
      assertThat(json.get("fallback").getAsBoolean()).as(method).isFalse();
      int row = json.get("rowIndex").getAsInt();
      assertThat(json.get("lambda").getAsDouble()).isEqualTo((ROWS - 1 - row) / 10.0);
      double risk = Arrays.stream(matrix[row]).average().orElseThrow();
      assertThat(json.get("empiricalRisk").getAsDouble()).isEqualTo(risk);
      assertThat(risk).as(method).isGreaterThan(0).isLessThanOrEqualTo(0.15);
      assertThat(json.keySet())
          .contains("epsilon", "delta", "reason", "guarantee", "epsilonMin", "pValues");
    }
  }

  @Test
  void everyFwerProcedureCertifies() {
    for (String fwer :
        List.of("fixed-sequence", "bonferroni", "holm", "multi-start", "graphical", "split")) {
      JsonObject json =
          offramp(with("calibrate --epsilon 0.15 --method ltt-hb --fwer " + fwer + " --json"))
              .json();
      assertThat(json.get("fwer").getAsString()).isEqualTo(fwer);
      assertThat(json.get("rowIndex").getAsInt()).as(fwer).isBetween(1, 7);
    }
  }

  /** The halves are drawn by the file too, so that no order of samples is always an unlucky one. */
  @Test
  void theHalvesAreDrawnByTheSeedAndTheFile() throws IOException {
    Set<JsonElement> drawn = new HashSet<>();
    for (int seed : new int[] {1, 2, 1}) {
      drawn.add(halves(seed));
    }
    assertThat(drawn).as("of two seeds").hasSize(2);
    byte[] file = Files.readAllBytes(losses);
    int end = 10 + (file[8] & 0xFF); // of the header, with its line feed
    ByteBuffer same = ByteBuffer.allocate(file.length + 64);
    same.put(file, 0, end - 1).put(" ".repeat(64).getBytes(StandardCharsets.US_ASCII));
    same.put(file, end - 1, file.length - end + 1).put(8, (byte) (file[8] + 64));
    Files.write(losses, same.array());
    assertThat(drawn.add(halves(1))).as("of the same losses, written otherwise").isTrue();
  }

  private JsonElement halves(int seed) {
    String line = "calibrate --epsilon 0.15 --method ltt-hb --fwer split --json --seed " + seed;
    return offramp(with(line)).json().get("pValues");
  }

  /** Scores, a bound and a plain grid say the same thing in other words. */
  @Test
  void scoresAndScaledLossesGiveTheSameRow() throws IOException {
    int row = offramp(with("calibrate --epsilon 0.12 --json")).json().get("rowIndex").getAsInt();
    double[][] scores =
        Arrays.stream(matrix)
            .map(losses -> Arrays.stream(losses).map(loss -> 0.25 - loss).toArray())
            .toArray(double[][]::new);
    losses = NpyFile.write(folder.resolve("scores.npy"), scores);
    grid =
        Files.write(
            folder.resolve("plain.csv"),
            IntStream.range(0, ROWS).mapToObj(k -> "" + (ROWS - 1 - k) / 10.0).toList());
    JsonObject scored = offramp(with("calibrate --epsilon 0.12 --scores --json")).json();
    assertThat(scored.get("rowIndex").getAsInt()).isEqualTo(row).isPositive();
    double[][] doubled =
        Arrays.stream(matrix)
            .map(losses -> Arrays.stream(losses).map(loss -> 2 * loss).toArray())
            .toArray(double[][]::new);
    losses = NpyFile.write(folder.resolve("doubled.npy"), doubled);
    JsonObject scaled = offramp(with("calibrate --epsilon 0.24 --bound 2 --json")).json();
    assertThat(scaled.get("rowIndex").getAsInt()).isEqualTo(row);
    refuses(2, "bound 1.0; name the largest", with("calibrate --epsilon 0.24"));
  }

  @Test
  void theTwoFormsExcludeEachOther() {
    refuses(2, "exclude each other", with("calibrate --epsilon 0.1 --model m --data d"));
    refuses(2, "--losses", "calibrate", "--epsilon", 0.1);
    refuses(2, "--lambdas", "calibrate", "--epsilon", 0.1, "--losses", losses);
    refuses(2, "--epsilon", with("calibrate"));
  }

  /** What is wrong with the question shows before the data is looked at. */
  @Test
  void theQuestionIsCheckedBeforeTheData() {
    losses = folder.resolve("gone.npy");
    refuses(2, "delta 1.5", with("calibrate --epsilon 0.1 --delta 1.5"));
    refuses(2, "epsilon NaN", with("calibrate --epsilon NaN"));
    refuses(2, "unknown method", with("calibrate --epsilon 0.1 --method magic"));
    refuses(2, "unknown fwer", with("calibrate --epsilon 0.1 --fwer magic"));
    refuses(2, "needs a method", with("calibrate --epsilon 0.1 --method crc --fwer holm"));
    for (Object epsilon : new Object[] {0, -0.1, 1, 5}) {
      refuses(2, "--epsilon " + epsilon, with("calibrate --epsilon " + epsilon));
    }
    refuses(2, "below 0.5", with("calibrate --epsilon 0.5 --bound 0.5"));
    refuses(2, "--bound -1.0", with("calibrate --epsilon 0.1 --bound -1"));
    refuses(2, "gone.npy", with("calibrate --epsilon 0.1"));
    refuses(2, "gone.npy", with("calibrate --epsilon 1.5 --bound 2"));
    refuses(2, "--epsilon 5.0", with("validate --epsilon 0.1,5 --calibration-size 50"));
    refuses(2, "--epsilon 0.0", with("validate --epsilon 0:0.1:0.1"));
    refuses(2, "delta 0.0", with("validate --epsilon 0.1 --delta 0 --calibration-size 50"));
    refuses(2, "unknown method", with("validate --epsilon 0.1 --method crc,x"));
    refuses(
        2,
        "--published-rule: is of naive and crc",
        with("validate --epsilon 0.1 --published-rule --method crc-samplewise,ltt-hb"));
    refuses(2, "gone.npy", with("validate --epsilon 0.1 --published-rule --method crc,ltt-hb"));
    refuses(2, "step", with("validate --epsilon 0.1:0.2:0"));
    refuses(2, "not a number", with("validate --epsilon 0.1:0.2"));
    for (String method : List.of("ltt-binomial", "crc,ucb-binomial")) {
      refuses(
          2,
          "-binomial: is for losses that are 0 or 1",
          words(
              folder,
              "validate --model ./gone --data ./gone --epsilon 0.1 --calibration-size 50"
                  + " --risk top-brier-consistency --method "
                  + method));
    }
    refuses(
        2,
        "no writable folder",
        with("validate --epsilon 0.1 --out ./no/t.csv --calibration-size 50"));
  }

  @Test
  void tooFewSamplesAreToldBeforehand() throws IOException {
    losses = NpyFile.write(folder.resolve("zero.npy"), new double[ROWS][10]);
    Outcome outcome = offramp(with("calibrate --epsilon 0.1 --json"));
    assertThat(outcome.code()).isZero();
    assertThat(outcome.err()).contains("expect never exit", "at least 22 samples");
    assertThat(outcome.json().get("fallback").getAsBoolean()).isTrue();
  }

  @Test
  void matricesThatDoNotFitTheGridAreRefused() throws IOException {
    losses = NpyFile.write(folder.resolve("short.npy"), new double[ROWS - 1][5]);
    refuses(2, "10 rows for the 11 thresholds", with("calibrate --epsilon 0.1"));
    matrix[3][7] = Double.NaN;
    losses = NpyFile.write(folder.resolve("nan.npy"), matrix);
    refuses(2, "sample 7 in row 3", with("calibrate --epsilon 0.1"));
    grid =
        Files.write(
            folder.resolve("up.csv"), IntStream.range(0, ROWS).mapToObj(k -> "0." + k).toList());
    losses = NpyFile.write(folder.resolve("zero.npy"), new double[ROWS][5]);
    refuses(2, "up.csv: lambda: 0.1 in row 1 comes after 0.0", with("calibrate --epsilon 0.1"));
  }

  @Test
  void validateWritesTheTableItsTrialsImply() throws IOException {
    Path out = folder.resolve("table.csv");
    Path trials = folder.resolve("trials.csv");
    Path report = folder.resolve("report.html");
    Outcome outcome =
        offramp(
            with(
                "validate --depths ./grid.csv --epsilon 0.06:0.14:0.04 --method naive,ltt-hb"
                    + " --calibration-size 100 --trials 20 --seed 5 --out ./table.csv --per-trial"
                    + " ./trials.csv --report ./report.html"));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    List<String> table = Files.readAllLines(out);
    assertThat(table.getFirst())
        .isEqualTo(
            "method,epsilon,delta,calibration_size,trials,mean_test_risk,std_test_risk,mean_depth,gain,violation_rate");
    assertThat(table).hasSize(1 + 2 * 3);
    List<String> choices = Files.readAllLines(trials);
    assertThat(choices.getFirst()).isEqualTo("trial,epsilon,method,row_index,test_risk");
    assertThat(choices).hasSize(1 + 20 * 3 * 2);

    List<Split> splits = Split.random(SAMPLES, 100, 20, 5);
    for (String line : table.subList(1, table.size())) {
      String[] cells = line.split(",");
      assertThat(cells[1]).isIn("0.06", "0.1", "0.14");
      double epsilon = Double.parseDouble(cells[1]);
      List<Double> risks = new ArrayList<>();
      double depth = 0;
      for (String choice : choices.subList(1, choices.size())) {
        String[] parts = choice.split(",");
        if (parts[1].equals(cells[1]) && parts[2].equals(cells[0])) {
          int row = Integer.parseInt(parts[3]);
          double risk = 0;
          for (int i : splits.get(Integer.parseInt(parts[0])).test()) {
            risk += matrix[row][i] / (SAMPLES - 100);
          }
          assertThat(Double.parseDouble(parts[4])).isCloseTo(risk, within(1e-12));
          risks.add(Double.parseDouble(parts[4]));
          depth += (12 - row) / 20.0;
        }
      }
      double mean = risks.stream().mapToDouble(r -> r).average().orElseThrow();
      double squares = risks.stream().mapToDouble(r -> (r - mean) * (r - mean)).sum();
      assertThat(cells[2] + cells[3] + cells[4]).isEqualTo("0.110020");
      assertThat(Double.parseDouble(cells[5])).isCloseTo(mean, within(1e-12));
      assertThat(Double.parseDouble(cells[6])).isCloseTo(Math.sqrt(squares / 19), within(1e-12));
      assertThat(Double.parseDouble(cells[7])).isCloseTo(depth, within(1e-12));
      assertThat(Double.parseDouble(cells[8])).isCloseTo(1 - depth / 12, within(1e-12));
      assertThat(Double.parseDouble(cells[9]))
          .isEqualTo(risks.stream().filter(risk -> risk > epsilon).count() / 20.0);
    }
    assertThat(report).content().contains("risk = epsilon", "violation rate", "gain", "<svg");
    assertThat(outcome.out()).contains("naive", "ltt-hb", "violations");
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactlyInAnyOrder(losses, grid, out, trials, report);
    }
  }

  @Test
  void lossesNeedNoDevice() {
    for (String option : List.of("--device jvm", "--threads 1")) {
      String problem = option.split(" ")[0] + ": goes with --model";
      refuses(2, problem, with("validate --epsilon 0.1 --calibration-size 100 " + option));
      refuses(2, problem, with("calibrate --epsilon 0.1 " + option));
    }
    refuses(
        2,
        "--batch: does not go with --losses; leave it out",
        with("calibrate --epsilon 0.1 --batch 3"));
    refuses(2, "Missing", "calibrate", "--epsilon", 0.1, "--batch", 3);
    refuses(2, "Missing", with("calibrate --epsilon 0.1 --model ./"));
  }

  @Test
  void outputsOverwriteNeitherInputsNorEachOther() throws IOException {
    String before = Files.readString(grid);
    Path both = folder.resolve("both.csv");
    refuses(2, "an input", with("validate --epsilon 0.1 --calibration-size 100 --out ./grid.csv"));
    refuses(
        2,
        "another output",
        with(
            "validate --epsilon 0.1 --calibration-size 100 --out ./both.csv --per-trial"
                + " ./both.csv"));
    assertThat(Files.readString(grid)).isEqualTo(before);
    assertThat(both).doesNotExist();
  }

  @Test
  void givenSplitsAreUsedAsTheyAre() throws IOException {
    List<String> lines = new ArrayList<>();
    for (Split split : Split.random(SAMPLES, 100, 6, 9)) {
      StringBuilder line = new StringBuilder("" + (10 + split.trial()));
      Arrays.stream(split.calibration()).forEach(i -> line.append(",").append(i));
      lines.add(line.toString());
    }
    Files.write(folder.resolve("splits.csv"), lines);
    Path one = folder.resolve("one.csv");
    Path other = folder.resolve("other.csv");
    String question = "validate --epsilon 0.1,0.12 --method ucb-wsr,crc --json ";
    JsonObject given =
        offramp(with(question + "--splits ./splits.csv --per-trial ./one.csv")).json();
    offramp(with(question + "--calibration-size 100 --trials 6 --seed 9 --per-trial ./other.csv"));
    assertThat(Files.readString(one)).contains("\n10,").contains("\n15,");
    assertThat(Files.readString(one).replaceAll("\n1(\\d),", "\n$1,"))
        .isEqualTo(Files.readString(other));
    JsonObject row = given.getAsJsonArray("rows").get(0).getAsJsonObject();
    assertThat(row.get("calibrationSize").getAsInt()).isEqualTo(100);
    assertThat(row.get("trials").getAsInt()).isEqualTo(6);
    assertThat(row.get("meanDepth").isJsonNull()).as("there are no depths").isTrue();
    refuses(
        2,
        "--calibration-size",
        with("validate --epsilon 0.1 --splits ./splits.csv --calibration-size 99"));
    refuses(2, "[1, 6]", with("validate --epsilon 0.1 --splits ./splits.csv --trials 7"));
    String seeded = "validate --epsilon 0.1 --splits ./splits.csv --seed 0 --method ltt-hb,crc";
    refuses(2, "--seed: draws random splits, and --splits gives others", with(seeded));
    assertThat(offramp(with(seeded + " --fwer split")).code()).as("it draws halves").isZero();
    refuses(2, "--calibration-size", with("validate --epsilon 0.1"));
    refuses(2, "[1, 399]", with("validate --epsilon 0.1 --calibration-size 400"));
  }

  @Test
  void withoutDepthsTheirColumnsAreNaN() throws IOException {
    Path out = folder.resolve("table.csv");
    offramp(with("validate --epsilon 0.1 --calibration-size 50 --out ./table.csv"));
    String[] cells = Files.readAllLines(out).get(1).split(",");
    assertThat(cells[4]).isEqualTo("100");
    assertThat(cells[7]).isEqualTo("NaN");
    assertThat(cells[8]).isEqualTo("NaN");
  }

  @Test
  void bettingOnAMatrixOfLossesSaysThatItsOrderCounts() {
    assertThat(offramp(with("calibrate --epsilon 0.1 --method ucb-wsr")).err())
        .contains("ucb-wsr takes the samples in the order of the columns");
    assertThat(offramp(with("calibrate --epsilon 0.1 --method ltt-hb")).err())
        .doesNotContain("order of the columns");
  }
}
