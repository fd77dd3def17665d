package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.words;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command line as a user meets it: results, exit codes, one clear error for bad input. */
class CliTest {
  @TempDir private Path folder;
  private Path model;

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"), 11, 1, 2, 4);
    Files.write(folder.resolve("texts.txt"), TinyModel.sentences(12, 400));
  }

  /** What a line typed in the test's folder does. */
  private Outcome offramp(String line) {
    return Offramp.offramp(words(folder, line));
  }

  private void refuses(int code, String part, String line) {
    Offramp.refuses(code, part, words(folder, line));
  }

  @Test
  void calibrateThenRun() {
    JsonObject calibration =
        offramp("calibrate --model ./model --data ./texts.txt --epsilon 0.6 --json").json();
    assertThat(calibration.get("calibrationSize").getAsInt()).isEqualTo(400);
    assertThat(calibration.get("fallback").getAsBoolean()).isFalse();
    assertThat(calibration.get("empiricalRisk").getAsDouble()).isLessThan(0.6);

    Outcome outcome = offramp("run --model ./model --input ./texts.txt --json --batch 17");
    JsonObject run = outcome.json();
    assertThat(outcome.code()).isZero();
    assertThat(run.get("samples").getAsInt()).isEqualTo(400);
    assertThat(run.getAsJsonArray("results")).hasSize(400);
    JsonObject third = run.getAsJsonArray("results").get(3).getAsJsonObject();
    assertThat(third.get("index").getAsInt()).isEqualTo(3);
    assertThat(third.get("label").getAsString())
        .isEqualTo(TinyModel.LABELS.get(third.get("prediction").getAsInt()));
    assertThat(run.getAsJsonArray("exitHistogram")).hasSize(3);
    assertThat(run.get("meanDepth").getAsDouble()).isLessThan(4);
    assertThat(run.getAsJsonObject("certificate").get("lambda"))
        .isEqualTo(calibration.get("lambda"));
  }

  @Test
  void aCertificateOfAnotherModelIsRefused() throws IOException {
    offramp("calibrate --model ./model --data ./texts.txt --epsilon 0.6");
    Path other = TinyModel.write(folder.resolve("other"), 13, 1, 2, 4);
    Files.copy(model.resolve("certificate.json"), other.resolve("certificate.json"));
    refuses(
        3,
        "another model, or a file of this one was changed or damaged since",
        "run --model ./other --input ./texts.txt");
    assertThat(offramp("run --model ./other --input ./texts.txt --full-depth").code()).isZero();
    refuses(
        3,
        "another model",
        "run --model ./other --input ./texts.txt --certificate ./model/certificate.json");
  }

  @Test
  void withoutACertificateNothingExitsEarlyInSilence() {
    refuses(
        3,
        "make one with 'offramp calibrate', or pass --full-depth",
        "run --model ./model --input ./texts.txt");
    TinyModel.write(folder.resolve("last"), 3, 4);
    refuses(
        3,
        "add some with 'offramp attach', or pass --full-depth",
        "run --model ./last --input ./texts.txt");
    refuses(
        2,
        "gone.json: there is no such certificate",
        "run --model ./model --input ./texts.txt --certificate ./gone.json");
    Outcome byHand = offramp("run --model ./model --input ./texts.txt --lambda 0.4");
    assertThat(byHand.code()).isZero();
    assertThat(byHand.err()).contains("not guaranteed");
    assertThat(offramp("run --model ./model --input ./texts.txt --lambda 1").err())
        .contains("lambda 1.0 is full depth")
        .doesNotContain("guaranteed");
    refuses(
        2,
        "mutually exclusive",
        "run --model ./model --input ./texts.txt --lambda 0.4 --full-depth");
  }

  @Test
  void noCertifiedThresholdRunsAtFullDepthAndSaysSo() {
    JsonObject none =
        offramp("calibrate --model ./model --data ./texts.txt --epsilon 0.001 --json").json();
    assertThat(none.get("fallback").getAsBoolean()).isTrue();
    assertThat(none.get("lambda").getAsDouble()).isEqualTo(1);
    assertThat(none.get("reason").getAsString()).contains("400 samples");
    Outcome run = offramp("run --model ./model --input ./texts.txt --json");
    assertThat(run.err()).contains("running at full depth");
    assertThat(run.json().get("meanDepth").getAsDouble()).isEqualTo(4);
  }

  @Test
  void aThresholdWithoutPromiseIsUsedButNotInSilence() {
    for (String[] method :
        new String[][] {{"naive", "No guarantee"}, {"crc-samplewise", "On average"}}) {
      offramp("calibrate --model ./model --data ./texts.txt --epsilon 0.9 --method " + method[0]);
      Outcome run = offramp("run --model ./model --input ./texts.txt --json");
      assertThat(run.code()).isZero();
      assertThat(run.err()).contains("chosen by '" + method[0] + "': " + method[1]);
    }
  }

  @Test
  void planSaysHowManySamplesAreNeeded() {
    JsonObject plan =
        offramp("plan --epsilon 0.05 --samples 45 --method ltt-binomial,crc --json").json();
    // (1 - 0.05)^45 < 0.1 <= (1 - 0.05)^44
    JsonObject binomial = plan.getAsJsonArray("methods").get(0).getAsJsonObject();
    assertThat(binomial.get("samplesNeeded").getAsInt()).isEqualTo(45);
    assertThat(binomial.get("epsilonMin").getAsDouble()).isBetween(0.0498, 0.0499);
    JsonObject crc = plan.getAsJsonArray("methods").get(1).getAsJsonObject();
    assertThat(crc.get("samplesNeeded").getAsInt()).isEqualTo(19);
    assertThat(offramp("plan --samples 100").out()).contains("ucb-wsr").contains("0.0238");
    assertThat(offramp("plan --samples 100 --method naive,crc").err())
        .contains("naive promises nothing");
    assertThat(offramp("plan --samples 100").err()).doesNotContain("naive");
    refuses(2, "--epsilon", "plan");
    refuses(2, "delta", "plan --epsilon 0.1 --delta 0");
    refuses(2, "expected risk", "plan --epsilon 0.1 --expected-risk -1");
    refuses(2, "at least 1 sample", "plan --samples 0");
    refuses(
        2,
        "--expected-risk 0.06: the expected risk is not below --epsilon 0.05",
        "plan --epsilon 0.05 --expected-risk 0.06");
    refuses(2, "--epsilon 2.0: must be above 0 and below 1.0", "plan --epsilon 2");
    assertThat(offramp("plan --epsilon 1.5 --bound 2").code()).isZero();
    refuses(2, "--bound 0.0", "plan --epsilon 1.5 --bound 0");
  }

  @Test
  void attachTrainsTheSameHeadsForTheSameSeed() throws IOException {
    TinyModel.write(folder.resolve("backbone"), 14);
    Path labelled = folder.resolve("labelled.tsv");
    List<String> lines = new ArrayList<>(List.of("label\ttext"));
    for (String sentence : TinyModel.sentences(15, 300)) {
      lines.add((sentence.compareTo("we") < 0 ? "early" : "late") + "\t" + sentence);
    }
    Files.write(labelled, lines);
    for (String name : List.of("a", "b")) {
      Outcome outcome =
          offramp(
              "attach --model ./backbone --data ./labelled.tsv --after 1,3 --distill 0.5 --out ./"
                  + name);
      assertThat(outcome.code()).as(outcome.err()).isZero();
      assertThat(outcome.err())
          .contains("an exit after the last layer, 4, is added", "300 examples of 2 classes")
          .contains("% of the 30 held out")
          .doesNotContain("fewer than");
    }
    assertThat(folder.resolve("a/model.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("b/model.safetensors"));
    Outcome run = offramp("run --model ./a --input ./labelled.tsv --full-depth");
    assertThat(run.err()).contains("accuracy");

    // Without labels, the model's own last head is kept and the others follow it.
    Outcome distilled =
        offramp("attach --model ./a --data ./texts.txt --after 2 --out ./c --distill");
    assertThat(distilled.code()).as(distilled.err()).isZero();
    assertThat(distilled.err()).contains("examples without labels");
    assertThat(offramp("run --model ./c --input ./labelled.tsv --full-depth").out())
        .isEqualToNormalizingNewlines(run.out().replaceAll("(?m)\t2$", "\t1"));
    refuses(
        2, "without a label", "attach --model ./backbone --data ./texts.txt --after 1 --out ./d");
    assertThat(folder.resolve("d")).doesNotExist();
  }

  @Test
  void doctorNamesTheDevice() {
    Outcome outcome = offramp("doctor --json");
    assertThat(outcome.code()).isZero();
    List<String> accepted = new ArrayList<>();
    for (JsonElement device : outcome.json().getAsJsonArray("devices")) {
      JsonObject found = device.getAsJsonObject();
      assertThat(found.get("detail").getAsString()).isNotBlank();
      if (found.get("accepted").getAsBoolean()) {
        accepted.add(found.get("device").getAsString());
      }
    }
    assertThat(accepted).contains("jvm");
    assertThat(outcome.json().get("auto").getAsString()).isEqualTo(accepted.getFirst());
    assertThat(offramp("doctor").out())
        .containsPattern("(?m)^jvm +accepted: .+ threads\\.")
        .containsPattern("(?m)^auto +means " + accepted.getFirst() + "$");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo",
        "doctor",
        "import",
        "attach",
        "plan",
        "calibrate",
        "validate",
        "run",
        "serve",
        "export",
        "bench"
      })
  void everyCommandHasHelpWithAnExample(String command) {
    Outcome help = offramp(command + " --help");
    String examples = help.out().substring(help.out().indexOf("Examples:\n") + 10);
    boolean goesOn = false;
    for (String line : examples.lines().takeWhile(text -> !text.isEmpty()).toList()) {
      // What help wraps by itself begins at the margin and breaks when it is pasted.
      assertThat(line).matches(goesOn ? " {4}\\S.*" : " {2}\\S.*").hasSizeLessThan(100);
      goesOn = line.endsWith(" \\");
    }
    assertThat(goesOn).isFalse();
    assertThat(help.code()).isZero();
    assertThat(help.out()).contains("Usage: offramp " + command).contains("offramp " + command);
    assertThat(help.out().split("offramp " + command)).hasSizeGreaterThan(2);
  }

  @Test
  void everyCommandTellsTheVersion() {
    for (String command : new CommandLine(new Main()).getSubcommands().keySet()) {
      for (String option : List.of("--version", "-V")) {
        assertThat(offramp(command + " " + option))
            .as(command)
            .isEqualTo(new Outcome(0, "offramp development\n", ""));
      }
    }
    assertThat(offramp("--version").out()).isEqualTo("offramp development\n");
  }

  /** What the list says of a command is a sentence, not the first line of one. */
  @Test
  void theListOfCommandsHasWholeSentences() {
    String help = offramp("--help").out();
    String list = help.substring(help.indexOf("Commands:\n") + 10, help.indexOf("\n\nExamples:"));
    assertThat(list.replaceAll("\n {4,}", " ").lines())
        .hasSizeGreaterThan(9)
        .allMatch(line -> line.endsWith("."));
  }

  @Test
  void wrongUsage() {
    refuses(2, "frobnicate", "frobnicate");
    assertThat(offramp("dem").err()).contains("Did you mean: offramp demo");
    refuses(2, "expected one of [text, vision]", "demo voice");
    refuses(2, "--model=DIR", "run --modell ./model --input ./texts.txt");
    refuses(2, "--jsno", "run --model ./model --full-depth --input ./texts.txt --jsno");
    refuses(2, "--batch 0", "run --model ./model --input ./texts.txt --batch 0");
    refuses(2, "lambda 1.5", "run --model ./model --input ./texts.txt --lambda 1.5");
    refuses(
        2,
        "device 'opencl:99'",
        "run --model ./model --input ./texts.txt --device opencl:99 --full-depth");
    refuses(2, "delta", "calibrate --model ./model --data ./texts.txt --epsilon 0.1 --delta 2");
    refuses(
        2,
        "unknown method",
        "calibrate --model ./model --data ./texts.txt --epsilon 0.1 --method magic");
    refuses(
        2, "--after", "attach --model ./model --data ./texts.txt --after 9 --out ./x --distill");
  }

  @Test
  void hostileInput() throws IOException {
    refuses(2, "config.json", "run --model ./ --input ./texts.txt --full-depth");
    Files.createFile(folder.resolve("empty.txt"));
    refuses(2, "empty.txt", "run --model ./model --input ./empty.txt --full-depth");
    refuses(2, "gone.txt", "run --model ./model --input ./gone.txt --full-depth");
    Files.writeString(folder.resolve("line.txt"), "word ".repeat(2 << 20));
    refuses(2, "line.txt", "run --model ./model --input ./line.txt --full-depth");

    Path weights = model.resolve("model.safetensors");
    byte[] good = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(good, good.length - 7));
    refuses(2, "model.safetensors", "run --model ./model --input ./texts.txt --full-depth");
    byte[] huge = good.clone();
    ByteBuffer.wrap(huge).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 1L << 62);
    Files.write(weights, huge);
    refuses(2, "model.safetensors", "run --model ./model --input ./texts.txt --full-depth");
    byte[] notANumber = good.clone();
    ByteBuffer.wrap(notANumber).order(ByteOrder.LITTLE_ENDIAN).putFloat(good.length - 4, Float.NaN);
    Files.write(weights, notANumber);
    refuses(2, "model.safetensors", "run --model ./model --input ./texts.txt --full-depth");
    Files.write(weights, good);

    Path config = model.resolve("config.json");
    String json = Files.readString(config);
    Files.writeString(config, json.replace("\"heads\"", "\"headz\""));
    refuses(2, "heads", "run --model ./model --input ./texts.txt --full-depth");
    Files.writeString(config, json);
    Files.writeString(model.resolve("certificate.json"), "{\"lambda\": 0.1}");
    refuses(2, "certificate.json", "run --model ./model --input ./texts.txt");
  }

  /** Weights may be finite and what is computed from them not: all exits "agree" on NaN then. */
  @Test
  void aModelThatComputesNoNumberIsNeitherCertifiedNorRun() throws IOException {
    Path weights = model.resolve("model.safetensors");
    byte[] good = Files.readAllBytes(weights);
    String[] damaged = {"encoder.layer.0.attention.output.dense.weight", "exits.2.weight"};
    for (String tensor : damaged) {
      Files.write(weights, filled(good, tensor, 3e38f));
      for (String command : new String[] {"calibrate", "validate"}) {
        for (String risk : new String[] {"prediction-consistency", "brier-consistency"}) {
          refuses(
              2,
              model + ": layer 4",
              command + " --model ./model --data ./texts.txt --epsilon 0.5 --risk " + risk);
        }
      }
      assertThat(model.resolve("certificate.json")).doesNotExist();
      refuses(2, "sample 0 in F32", "run --model ./model --input ./texts.txt --full-depth");
    }
    Files.write(weights, filled(good, damaged[0], 3e38f));
    refuses(
        2,
        model + ": layer 1",
        "attach --model ./model --data ./texts.txt --after 1 --distill 1 --out ./out");
    assertThat(folder.resolve("out")).doesNotExist();
    // An early exit that says nothing is one that nobody takes.
    Files.write(weights, filled(good, "exits.0.weight", 3e38f));
    JsonObject run = offramp("run --model ./model --input ./texts.txt --lambda 0.5 --json").json();
    assertThat(run.getAsJsonArray("exitHistogram").get(0).getAsInt()).isZero();
  }

  /** A file of safetensors with all numbers of a tensor replaced. */
  private static byte[] filled(byte[] file, String tensor, float value) {
    ByteBuffer bytes = ByteBuffer.wrap(file.clone()).order(ByteOrder.LITTLE_ENDIAN);
    int header = (int) bytes.getLong(0);
    var offsets =
        JsonParser.parseString(new String(file, 8, header, StandardCharsets.UTF_8))
            .getAsJsonObject()
            .getAsJsonObject(tensor)
            .getAsJsonArray("data_offsets");
    for (int at = offsets.get(0).getAsInt(); at < offsets.get(1).getAsInt(); at += Float.BYTES) {
      bytes.putFloat(8 + header + at, value);
    }
    return bytes.array();
  }
}
