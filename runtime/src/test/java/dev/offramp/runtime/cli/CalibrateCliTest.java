package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** calibrate on a model directory: every risk, several at once, a threshold for each exit. */
class CalibrateCliTest {
  private static final int SAMPLES = 400;

  @TempDir private Path folder;
  private Path model;
  private Path labelled;

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"), 11, 1, 2, 4);
    labelled = folder.resolve("labelled.tsv");
    Random random = new Random(31);
    List<String> lines = new ArrayList<>(List.of("label\ttext"));
    for (String sentence : TinyModel.sentences(12, SAMPLES)) {
      lines.add(TinyModel.LABELS.get(random.nextInt(3)) + "\t" + sentence);
    }
    Files.write(labelled, lines);
  }

  private Object[] with(Object... more) {
    List<Object> line = new ArrayList<>(List.of("calibrate", "--model", model, "--data", labelled));
    line.addAll(List.of(more));
    return line.toArray();
  }

  private JsonObject certificate() throws IOException {
    return JsonParser.parseString(Files.readString(model.resolve("certificate.json")))
        .getAsJsonObject();
  }

  @Test
  void everyRisk() throws IOException {
    for (String risk :
        List.of(
            "prediction-gap",
            "prediction-consistency",
            "brier-gap",
            "brier-consistency",
            "hellinger-consistency",
            "top-brier-consistency")) {
      double bound = risk.contains("brier") ? 2 : 1;
      Outcome outcome =
          offramp(with("--risk", risk, "--epsilon", 0.5 * bound, "--method", "ltt-wsr", "--json"));
      assertThat(outcome.code()).as(outcome.err()).isZero();
      assertThat(outcome.json().get("risk").getAsString()).isEqualTo(risk);
      assertThat(outcome.json().get("lossBound").getAsDouble()).isEqualTo(bound);
      assertThat(outcome.json().get("fallback").getAsBoolean()).as(risk).isFalse();
      assertThat(outcome.json().get("guarantee").getAsString())
          .endsWith("at most %s (%s).".formatted(0.5 * bound, risk));
      assertThat(certificate().get("risk").getAsString()).isEqualTo(risk);
      assertThat(offramp("run", "--model", model, "--input", labelled, "--json").code()).isZero();
    }
  }

  /** Labels go with their samples, though these are taken in another order than the file's. */
  @Test
  void theLossIsByTheLabelOfTheSample() throws IOException {
    List<String> labels =
        Files.readAllLines(labelled).stream().skip(1).map(line -> line.split("\t")[0]).toList();
    JsonObject found =
        offramp(with("--risk", "prediction-gap", "--epsilon", 0.5, "--method", "ltt-wsr", "--json"))
            .json();
    List<String> early = predictions("--lambda", found.get("lambda").getAsDouble());
    List<String> full = predictions("--full-depth");
    long gap = 0;
    for (int i = 0; i < SAMPLES; i++) {
      gap += early.get(i).equals(labels.get(i)) ? 0 : 1;
      gap -= full.get(i).equals(labels.get(i)) ? 0 : 1;
    }
    assertThat(early).as("the test is void if nobody exits").isNotEqualTo(full);
    assertThat(found.get("empiricalRisk").getAsDouble())
        .isCloseTo((double) gap / SAMPLES, within(1e-9));
  }

  /** On the samples that a split leaves for the test, of the risk that was asked for. */
  @Test
  void validateMeasuresTheRiskThatWasAskedFor() throws IOException {
    List<String> labels =
        Files.readAllLines(labelled).stream().skip(1).map(line -> line.split("\t")[0]).toList();
    List<String> early = predictions("--lambda", 0);
    List<String> full = predictions("--full-depth");
    int calibration = 100;
    double differ = 0;
    double gap = 0;
    for (int i = calibration; i < SAMPLES; i++) {
      differ += early.get(i).equals(full.get(i)) ? 0 : 1;
      gap += early.get(i).equals(labels.get(i)) ? 0 : 1;
      gap -= full.get(i).equals(labels.get(i)) ? 0 : 1;
    }
    String first = IntStream.range(0, calibration).mapToObj(i -> "," + i).collect(joining());
    Path splits = Files.writeString(folder.resolve("splits.csv"), "0" + first + "\n");
    double depth =
        offramp("run", "--model", model, "--input", labelled, "--lambda", 0, "--json")
            .json()
            .get("meanDepth")
            .getAsDouble();
    for (var expected :
        Map.of("prediction-gap", gap, "prediction-consistency", differ).entrySet()) {
      Object[] line = {
        "validate",
        "--model",
        model,
        "--data",
        labelled,
        "--risk",
        expected.getKey(),
        "--splits",
        splits,
        "--method",
        "naive",
        "--epsilon",
        "0.999",
        "--json"
      };
      JsonObject row = offramp(line).json().getAsJsonArray("rows").get(0).getAsJsonObject();
      assertThat(row.get("meanTestRisk").getAsDouble())
          .as(expected.getKey())
          .isCloseTo(expected.getValue() / (SAMPLES - calibration), within(1e-9));
      assertThat(row.get("meanDepth").getAsDouble()).isCloseTo(depth, within(1e-9));
    }
    assertThat(gap).as("void if they are the same").isNotEqualTo(differ);
  }

  /** By the data too, or the same ranks of every sorted file would come first. */
  @Test
  void theOrderIsDrawnByTheSeedAndTheData() throws IOException {
    Set<JsonArray> orders = new HashSet<>(); // of the bets, which the p-values tell
    for (int seed : new int[] {1, 2, 1}) {
      orders.add(pValues(seed));
    }
    assertThat(orders).as("of two seeds").hasSize(2);
    Files.writeString(labelled, Files.readString(labelled) + "\n"); // the same samples
    assertThat(orders.add(pValues(1))).as("another one for other data").isTrue();
  }

  private JsonArray pValues(int seed) throws IOException {
    Object[] question = {"--epsilon", 0.6, "--method", "ltt-wsr", "--seed", seed, "--overwrite"};
    Outcome outcome = offramp(with(question));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return certificate().getAsJsonArray("pValues");
  }

  /** Several risks at once choose no more eagerly than the strictest of them alone. */
  @Test
  void severalRisksAtOnce() throws IOException {
    List<Integer> alone = new ArrayList<>();
    for (String risk : List.of("prediction-consistency=0.65", "brier-consistency=1")) {
      alone.add(offramp(with("--risk", risk, "--json")).json().get("rowIndex").getAsInt());
    }
    JsonObject both =
        offramp(
                with(
                    "--risk",
                    "prediction-consistency,brier-consistency=1",
                    "--epsilon",
                    0.65,
                    "--json"))
            .json();
    assertThat(both.get("rowIndex").getAsInt())
        .isEqualTo(Math.min(alone.get(0), alone.get(1)))
        .isPositive();
    JsonArray further = certificate().getAsJsonArray("furtherRisks");
    assertThat(further).hasSize(1);
    assertThat(further.get(0).getAsJsonObject().get("risk").getAsString())
        .isEqualTo("brier-consistency");
    assertThat(further.get(0).getAsJsonObject().get("epsilon").getAsDouble()).isEqualTo(1);

    refuses(2, "there twice", with("--risk", "brier-gap=1,brier-gap=2"));
    refuses(2, "unknown risk", with("--risk", "brier=0.1"));
    refuses(2, "'x' is not a number", with("--risk", "brier-gap=x"));
    refuses(2, "--epsilon", with("--risk", "brier-gap=0.1,prediction-gap"));
  }

  /** Counted twice, every sample would make the promise stronger than the evidence. */
  @Test
  void noSampleCountsTwice() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link.tsv"), labelled);
    for (Path again : List.of(labelled, folder.resolve("./labelled.tsv"), link)) {
      refuses(2, "would be read twice", with(again, "--epsilon", 0.5));
    }
    assertThat(model.resolve("certificate.json")).doesNotExist();
  }

  @Test
  void aLabelThatIsNoneIsNamedByItsLine() throws IOException {
    Path more = folder.resolve("more.tsv");
    Files.writeString(more, "label\ttext\none\twa\nnobody\twb\n");
    Object[] question = {"--risk", "prediction-gap", "--epsilon", 0.5};
    refuses(
        2,
        "more.tsv: line 3: the label 'nobody' is not among the model's 3",
        "calibrate",
        "--model",
        model,
        "--data",
        labelled,
        more,
        question[0],
        question[1],
        question[2],
        question[3]);
  }

  @Test
  void aThresholdForEachExit() throws IOException {
    for (String cost : List.of("flops", "time")) {
      Outcome outcome =
          offramp(with("--per-exit", "--cost", cost, "--epsilon", 0.5, "--seed", 3, "--json"));
      assertThat(outcome.code()).as(outcome.err()).isZero();
      JsonObject json = outcome.json();
      assertThat(json.get("fallback").getAsBoolean()).as(json.toString()).isFalse();
      assertThat(json.get("lambda").isJsonNull()).isTrue();
      assertThat(json.getAsJsonArray("thresholds")).hasSize(2);
      assertThat(json.get("fwer").getAsString()).isEqualTo("split");
      JsonObject run = offramp("run", "--model", model, "--input", labelled, "--json").json();
      assertThat(run.getAsJsonObject("certificate").get("thresholds"))
          .isEqualTo(json.get("thresholds"));
      assertThat(run.get("meanDepth").getAsDouble()).isLessThan(4);
    }
    Object[] wide = {
      "--per-exit", "--risk", "brier-consistency=1", "--method", "ltt-wsr", "--json"
    };
    JsonObject bounded = offramp(with(wide)).json();
    assertThat(bounded.get("lossBound").getAsDouble()).isEqualTo(2);
    assertThat(bounded.get("empiricalRisk").getAsDouble()).isLessThan(1);
    JsonObject bench =
        offramp(
                "bench",
                "--model",
                model,
                "--input",
                labelled,
                "--batch",
                4,
                "--rounds",
                1,
                "--json")
            .json();
    assertThat(bench.getAsJsonArray("cases")).hasSize(4);
    refuses(2, "--fwer split", with("--per-exit", "--epsilon", 0.5, "--fwer", "holm"));
    for (String method : List.of("crc", "ucb-wsr")) {
      refuses(
          2,
          "--per-exit: needs an ltt method, such as ltt-hb; %s does not test".formatted(method),
          with("--per-exit", "--epsilon", 0.5, "--method", method));
    }
    refuses(2, "--cost: is what --per-exit saves", with("--epsilon", 0.5, "--cost", "flops"));
    refuses(2, "one risk only", with("--per-exit", "--risk", "brier-gap=1,prediction-gap=0.5"));
  }

  /** What is wrong with the question shows before any sample is run. */
  @Test
  void theQuestionIsCheckedBeforeThePass() {
    for (Object[] question :
        new Object[][] {
          {"--epsilon", 0.1, "--delta", 1},
          {"--epsilon", "NaN"},
          {"--epsilon", 0},
          {"--epsilon", -0.1},
          {"--epsilon", 1},
          {"--epsilon", 5},
          {"--risk", "brier-gap=2"},
          {"--risk", "brier-gap=0"},
          {"--epsilon", 1.5, "--risk", "brier-gap,prediction-gap"},
          {"--epsilon", 0.1, "--method", "magic"},
          {"--epsilon", 0.1, "--fwer", "magic"},
          {"--epsilon", 0.1, "--risk", "magic"},
          {"--epsilon", 0.1, "--batch", 0},
          {"--epsilon", 0.1, "--cost", "time"},
          {"--epsilon", 0.1, "--certificate", folder.resolve("no/c.json")}
        }) {
      Outcome outcome = offramp(with(question));
      assertThat(outcome.code()).isEqualTo(2);
      assertThat(outcome.err()).doesNotContain("exits of all samples");
    }
    for (String method : List.of("ltt-binomial", "ucb-binomial")) {
      for (String risk : List.of("brier-consistency", "hellinger-consistency")) {
        Outcome counted =
            offramp(with("--epsilon", 0.1, "--method", method, "--risk", "prediction-gap," + risk));
        assertThat(counted.code()).isEqualTo(2);
        assertThat(counted.err())
            .isEqualTo(
                "offramp: --method %s: is for losses that are 0 or 1, such as those of"
                    + " prediction-consistency, not for %s; take %s-wsr%n",
                method, risk, method.substring(0, 3));
      }
      for (String risk : List.of("prediction-gap", "prediction-consistency")) {
        Outcome counted = offramp(with("--epsilon", 0.6, "--method", method, "--risk", risk));
        assertThat(counted.code()).as(counted.err()).isZero();
      }
    }
    Outcome few = offramp(with("--epsilon", 0.001, "--overwrite"));
    assertThat(few.code()).isZero();
    assertThat(few.err().indexOf("expect never exit"))
        .isBetween(0, few.err().indexOf("exits of all samples"));
  }

  /** What it says of depth is what run does with these samples. */
  @Test
  void tellsHowDeepTheSamplesRun() {
    for (String thresholds : List.of("--json=false", "--per-exit")) {
      String out = offramp(with("--epsilon", 0.6, thresholds)).out();
      JsonObject run = offramp("run", "--model", model, "--input", labelled, "--json").json();
      JsonArray exits = run.getAsJsonArray("exitHistogram");
      double early = 1 - exits.get(exits.size() - 1).getAsDouble() / SAMPLES;
      assertThat(early).isPositive();
      assertThat(out)
          .contains(
              "on these samples: mean depth %.2f of 4 layers, %.1f %% leave early"
                  .formatted(run.get("meanDepth").getAsDouble(), 100 * early));
    }
  }

  /** Neither what is read nor any other file of the user's is replaced. */
  @Test
  void onlyACertificateIsReplaced() throws IOException {
    String data = Files.readString(labelled);
    byte[] weights = Files.readAllBytes(model.resolve("model.safetensors"));
    Path notes = Files.writeString(folder.resolve("notes.json"), "{}");
    Path link = Files.createSymbolicLink(folder.resolve("link"), model);
    refuses(2, "labelled.tsv: is an input", with("--epsilon", 0.6, "--certificate", labelled));
    for (Path input : List.of(model.resolve("model.safetensors"), link.resolve("config.json"))) {
      refuses(2, ": is an input", with("--epsilon", 0.6, "--certificate", input));
    }
    refuses(
        2,
        "notes.json: is there already and is no certificate",
        with("--epsilon", 0.6, "--certificate", notes));
    assertThat(labelled).hasContent(data);
    assertThat(model.resolve("model.safetensors")).hasBinaryContent(weights);
    assertThat(notes).hasContent("{}");
    Path empty = Files.createFile(folder.resolve("empty.json"));
    assertThat(offramp(with("--epsilon", 0.6, "--certificate", empty)).code()).isZero();
    assertThat(offramp(with("--epsilon", 0.6, "--certificate", empty)).code()).isZero();
    Files.writeString(model.resolve("certificate.json"), "damaged");
    assertThat(offramp(with("--epsilon", 0.6)).code()).isZero();
    assertThat(certificate().get("fallback").getAsBoolean()).isFalse();
  }

  /** A certificate that is of use is not lost to a calibration that finds none. */
  @Test
  void aCertificateIsKeptWhereNoThresholdHolds() throws IOException {
    assertThat(offramp(with("--epsilon", 0.6)).code()).isZero();
    JsonObject before = certificate();
    Outcome none = offramp(with("--epsilon", 0.001, "--json"));
    assertThat(none.code()).isEqualTo(3);
    assertThat(none.json().get("fallback").getAsBoolean()).isTrue();
    assertThat(none.json().get("certificate").isJsonNull()).isTrue();
    assertThat(none.err()).contains("certificate.json: kept as it is", "pass --overwrite");
    assertThat(certificate()).isEqualTo(before);
    assertThat(offramp(with("--epsilon", 0.001, "--overwrite")).code()).isZero();
    assertThat(certificate().get("fallback").getAsBoolean()).isTrue();
    assertThat(offramp(with("--epsilon", 0.002)).code()).as("nothing of use is there").isZero();
    assertThat(certificate().get("epsilon").getAsDouble()).isEqualTo(0.002);

    for (String[] other : new String[][] {{"device", "cuda:0"}, {"dtype", "F16"}}) {
      assertThat(offramp(with("--epsilon", 0.6)).code()).isZero();
      JsonObject elsewhere = certificate();
      elsewhere.addProperty(other[0], other[1]);
      Files.writeString(model.resolve("certificate.json"), elsewhere.toString());
      assertThat(offramp(with("--epsilon", 0.001)).code()).as("of no use on this one").isZero();
      assertThat(certificate().get("fallback").getAsBoolean()).as(other[0]).isTrue();
    }

    assertThat(offramp(with("--epsilon", 0.6)).code()).isZero();
    Path former = Files.copy(model.resolve("certificate.json"), folder.resolve("former.json"));
    model = TinyModel.write(folder.resolve("other"), 12, 1, 2, 4);
    Files.copy(former, model.resolve("certificate.json"));
    assertThat(offramp(with("--epsilon", 0.001)).code()).as("of no use to this model").isZero();
    assertThat(certificate().get("fallback").getAsBoolean()).isTrue();
  }

  @Test
  void theCertificateGoesWhereItIsWanted() {
    Path file = folder.resolve("mine.json");
    assertThat(offramp(with("--epsilon", 0.6, "--certificate", file)).code()).isZero();
    assertThat(model.resolve("certificate.json")).doesNotExist();
    assertThat(offramp("run", "--model", model, "--input", labelled, "--certificate", file).code())
        .isZero();
  }

  private List<String> predictions(Object... how) {
    List<Object> line = new ArrayList<>(List.of("run", "--model", model, "--input", labelled));
    line.addAll(List.of(how));
    return offramp(line.toArray())
        .out()
        .lines()
        .skip(1)
        .map(answer -> answer.split("\t")[1])
        .toList();
  }

  /**
   * Betting looks at one loss after the other: in a file that begins with the samples without loss
   * it would win before it comes to the others, whatever the threshold.
   */
  @Test
  void theOrderOfTheFileIsNotThatOfTheBets() throws IOException {
    List<String> lines = Files.readAllLines(labelled);
    List<String> early = predictions("--lambda", 0);
    List<String> full = predictions("--full-depth");
    List<String> sorted = new ArrayList<>(List.of(lines.getFirst()));
    for (boolean same : new boolean[] {true, false}) {
      for (int i = 0; i < SAMPLES; i++) {
        if (early.get(i).equals(full.get(i)) == same) {
          sorted.add(lines.get(i + 1));
        }
      }
    }
    Files.write(labelled, sorted);
    double differ =
        IntStream.range(0, SAMPLES).filter(i -> !early.get(i).equals(full.get(i))).count()
            / (double) SAMPLES;
    assertThat(differ).isBetween(0.2, 0.8);
    for (String method : List.of("ltt-wsr", "ucb-wsr")) {
      JsonObject found =
          offramp(with("--epsilon", 0.7 * differ, "--method", method, "--overwrite", "--json"))
              .json();
      assertThat(found.get("empiricalRisk").getAsDouble()).as(method).isLessThan(0.7 * differ);
    }
  }
}
