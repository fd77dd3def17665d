package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.process;
import static dev.offramp.runtime.cli.Offramp.processWithout;
import static dev.offramp.runtime.cli.Offramp.words;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wrong values of options, and a machine that is not as it should be: a sentence and a code. */
class UsageTest {
  @TempDir private Path folder;
  private Path model;
  private Path texts;

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"), 21, 1, 4);
    TinyModel.write(folder.resolve("backbone"), 22);
    texts = folder.resolve("texts.txt");
    Files.write(texts, TinyModel.sentences(23, 50));
  }

  /** What a line typed in the test's folder does. */
  private Outcome offramp(String line) {
    return Offramp.offramp(words(folder, line));
  }

  private void refuses(String part, String line) {
    Offramp.refuses(2, part, words(folder, line));
  }

  @Test
  void batchesHaveAtLeastOneRow() {
    refuses(
        "--batch 0",
        "attach --model ./model --data ./texts.txt --after 1 --batch 0 --out ./x --distill");
    refuses("--batch 0", "demo --batch 0 --out ./x");
    refuses("--batch -1", "bench --model ./model --input ./texts.txt --batch 8,-1");
    refuses(
        "--batch 2000000000",
        "run --model ./model --input ./texts.txt --full-depth --batch 2000000000");
    assertThat(folder.resolve("x")).doesNotExist();
  }

  /** Before any work: the files need not even be there. */
  @Test
  void listsNameSomething() {
    String nothing = ": there is nothing between its commas";
    refuses("--after" + nothing, "attach --model ./gone --data ./gone --after , --out ./x");
    refuses("--risk" + nothing, "calibrate --model ./gone --data ./gone --epsilon 0.1 --risk ,,");
    refuses("--method" + nothing, "plan --epsilon 0.1 --method=,");
    refuses("--method" + nothing, "validate --model ./gone --data ./gone --epsilon 0.1 --method ,");
    for (String option : List.of("--batch", "--modes", "--against")) {
      refuses(option + nothing, "bench --model ./gone --input ./gone " + option + " ,");
    }
    for (String option : List.of("--mean", "--std")) {
      refuses(option + nothing, "import ./gone --out ./x " + option + " ,");
    }
    assertThat(folder.resolve("x")).doesNotExist();
  }

  /** In the same words, wherever the parser notices. */
  @Test
  void whatIsGivenTwiceIsNamed() {
    String twice = ": is given twice; give it once";
    for (String guard : List.of("--lambda 1", "--certificate ./texts.txt")) {
      refuses(
          "offramp: " + guard.split(" ")[0] + twice,
          "run --model ./model --input ./texts.txt " + guard + " " + guard);
    }
    refuses(
        "offramp: --batch" + twice, "run --model ./model --input ./texts.txt --batch 1 --batch=2");
    refuses(
        "offramp: --batch" + twice,
        "calibrate --batch 8 --model ./model --epsilon 0.1 --data ./texts.txt --batch 8");
    refuses(
        "offramp: --bound" + twice,
        "calibrate --losses ./texts.txt --lambdas ./texts.txt --bound 1 --epsilon 0.1 --bound 2");
    refuses(
        "offramp: --bound" + twice,
        "calibrate --losses ./texts.txt --lambdas ./texts.txt --bound 1 --bound 2 --epsilon 0.1");
    refuses(
        "offramp: --certificate" + twice,
        "calibrate --model ./model --data ./texts.txt --certificate a --certificate b"
            + " --epsilon 0.1");
  }

  @Test
  void argumentsThatCanBeNoPath() {
    String problem = "'a?b' can be no file's name: Nul character not allowed";
    Offramp.refuses(2, problem, "run", "--model", model, "--full-depth", "--input", "a\0b");
    Offramp.refuses(2, problem, "run", "--model", "a\0b", "--full-depth", "--input", texts);
    Offramp.refuses(2, problem, "import", "a\0b", "--out", folder.resolve("x"));
    Offramp.refuses(2, problem, "serve", "--model", "x=a\0b");
  }

  /** The files need not even be there. */
  @Test
  void allowingAnotherDeviceIsAboutCertificates() {
    for (String command : List.of("run --input ./gone", "bench --input ./gone", "serve")) {
      for (String guard : List.of("--full-depth", "--lambda 0.5")) {
        refuses(
            "--allow-other-device: is about certificates, and " + guard.split(" ")[0],
            command + " --model ./gone --allow-other-device " + guard);
      }
    }
  }

  @Test
  void threadsAreWithinReason() {
    refuses(
        "--threads 5000: must be 1 to 1024",
        "run --model ./model --input ./texts.txt --full-depth --threads 5000");
    refuses("--threads 0", "run --model ./model --input ./texts.txt --full-depth --threads 0");
  }

  @Test
  void sequencesFitTheModelAndTheText() throws IOException {
    refuses("must be 3 to 32", "bench --model ./model --input ./texts.txt --sequence 2000");
    refuses("must be 3 to 32", "bench --model ./model --input ./texts.txt --sequence 1");
    Files.writeString(folder.resolve("few.txt"), "wa wb\n");
    refuses("give more text", "bench --model ./model --input ./few.txt --sequence 30");
  }

  @Test
  void aPeerNeedsItsFile() throws IOException {
    Files.writeString(folder.resolve("garbage.onnx"), "not a graph");
    refuses(
        "garbage.onnx: ONNX Runtime cannot load it",
        "bench --model ./model --input ./texts.txt --batch 1 --rounds 1 --against"
            + " onnxruntime --onnx ./garbage.onnx");
    refuses(
        "gone.onnx",
        "bench --model ./model --input ./texts.txt --batch 1 --rounds 1 --against"
            + " onnxruntime --onnx ./gone.onnx");
    refuses("add --against", "bench --model ./model --input ./texts.txt --onnx ./garbage.onnx");
    refuses("tensorrt: unknown", "bench --model ./model --input ./texts.txt --against tensorrt");
    refuses(
        "--against jvm: is the benched device",
        "bench --model ./model --input ./texts.txt --against jvm");
    refuses(
        "onnxruntime-segmented: exits early and there are no thresholds",
        "bench --model ./model --input ./texts.txt --full-depth --against onnxruntime-segmented");
  }

  @Test
  void aPeerThatIsNotThereIsNamedAsTheUserDid() throws Exception {
    for (String peer : List.of("onnxruntime", "onnxruntime-segmented")) {
      Outcome outcome =
          processWithout(
              "onnxruntime",
              folder,
              words(
                  folder,
                  "bench --model ./model --input ./texts.txt --lambda 0.4 --against " + peer));
      assertThat(outcome.code()).as(outcome.err()).isEqualTo(2);
      assertThat(outcome.message())
          .contains("--against " + peer + ": ONNX Runtime is not on the class path");
    }
  }

  @Test
  void benchTimesEarlyExitOnlyWhereThereIsOne() {
    refuses("no exit heads", "bench --model ./backbone --input ./texts.txt --lambda 0.5");
    Outcome full =
        offramp(
            "bench --model ./model --input ./texts.txt --batch 1 --rounds 1 --full-depth --json");
    assertThat(full.code()).as(full.err()).isZero();
    assertThat(full.json().getAsJsonArray("cases")).hasSize(1);
  }

  /** One that stands after the last layer is no early one: no threshold makes any difference. */
  @Test
  void thresholdsAreOfEarlyExits() {
    TinyModel.write(folder.resolve("last"), 23, 4);
    String nothing = "$.exits: the model has no exit before its last layer, so there is nothing";
    for (String command : List.of("calibrate", "calibrate --per-exit")) {
      refuses(nothing, command + " --model ./last --data ./texts.txt --epsilon 0.5");
    }
    refuses(
        nothing, "validate --model ./last --data ./texts.txt --epsilon 0.5 --calibration-size 20");
    assertThat(folder.resolve("last/certificate.json")).doesNotExist();
  }

  /** What the demo cannot do it refuses before it downloads or overwrites anything. */
  @Test
  void theDemoLooksBeforeItLeaps() throws IOException {
    Path mine = Files.createDirectories(folder.resolve("mine"));
    Path file = Files.writeString(mine.resolve("train.tsv"), "mine");
    refuses("train.tsv: is not of a former demo", "demo --out ./mine");
    assertThat(file).hasContent("mine");
    refuses("is a file", "demo --out ./texts.txt");
    Path out = folder.resolve("demo");
    refuses("--delta 1.0", "demo --out ./demo --delta 1");
    refuses("--epsilon 5.0: must be above 0 and below 1", "demo --out ./demo --epsilon 5");
    refuses("--epsilon NaN", "demo --out ./demo --epsilon NaN");
    refuses("device 'cuda:99'", "demo --out ./demo --device cuda:99");
    assertThat(out).doesNotExist();
  }

  @Test
  void distillationMixesOnlyWithLabels() {
    refuses(
        "--distill 0.5: mixes targets with labels",
        "attach --model ./model --data ./texts.txt --after 1 --out ./x --distill 0.5");
  }

  @Test
  void aTextWithoutVisibleCharactersHasTwoTokens() throws IOException {
    Files.writeString(folder.resolve("control.txt"), "\u0001\u0002\n");
    Outcome outcome = offramp("run --model ./model --input ./control.txt --full-depth");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    Path tokenizer = model.resolve("tokenizer.json");
    Files.writeString(tokenizer, Files.readString(tokenizer).replace("\"ids\":[1]", "\"ids\":[]"));
    refuses("[CLS]", "run --model ./model --input ./control.txt --full-depth");
  }

  @Test
  void anOutputThatCannotBeWrittenIsNamedWithTheReason() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "x");
    Files.writeString(folder.resolve("l.tsv"), "label\ttext\na\twa\nb\twb\n");
    Outcome attach = offramp("attach --model ./backbone --data ./l.tsv --after 1 --out ./file/x");
    assertThat(attach.code()).isEqualTo(2);
    assertThat(attach.err()).isEqualTo(cannot(file, "x")).doesNotContain("features");
    Outcome imported = offramp("import ./gone.onnx --out ./file/deep/y");
    assertThat(imported.err()).isEqualTo(cannot(file, "deep/y"));
    assertThat(offramp("demo --out ./file/z").err()).isEqualTo(cannot(file, "z"));
    assertThat(file).hasContent("x");
  }

  private static String cannot(Path file, String name) {
    return "offramp: %s/%s: cannot be written: %1$s is a file; name another place%n"
        .formatted(file, name);
  }

  @Test
  void aModelDirectoryIsNotImportedAgain() {
    refuses(
        "model.safetensors: lies in a model directory already; name that directory with --model",
        "import ./model/model.safetensors --out ./x");
    assertThat(folder.resolve("x")).doesNotExist();
  }

  @Test
  void aCacheThatCannotBeMadeIsNamedWithTheVariable() throws Exception {
    Path cache = Files.writeString(folder.resolve("file"), "x").resolve("cache");
    Outcome demo =
        process(folder, Map.of("OFFRAMP_CACHE", cache.toString()), List.of(), "demo", "--json");
    assertThat(demo.code()).isEqualTo(2);
    assertThat(demo.message())
        .contains(cache + ": downloads and results are kept there", "OFFRAMP_CACHE");
  }

  @Test
  void resultsThatCannotBeWrittenAreAFailure() throws Exception {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.isWritable(full), "there is no /dev/full");
    Path stdout = Files.createSymbolicLink(folder.resolve("stdout"), full);
    Process plan = Offramp.start(folder, "plan", "--samples", 100, "--json");
    assertThat(plan.waitFor()).isEqualTo(1);
    Files.delete(stdout);
    assertThat(folder.resolve("stderr"))
        .content()
        .containsOnlyOnce("offramp: the results cannot be written to stdout: ");
  }

  /** As in {@code | head}: who reads has heard enough. */
  @Test
  void aClosedPipeIsNoFailure() {
    assertThat(problem("Broken pipe")).isNull();
    assertThat(problem("No space left on device")).isEqualTo("No space left on device");
  }

  private static String problem(String failure) {
    Stdout stdout =
        new Stdout(
            new OutputStream() {
              @Override
              public void write(int b) throws IOException {
                throw new IOException(failure);
              }
            });
    assertThat(stdout.problem()).isNull();
    PrintStream out = new PrintStream(stdout, true, StandardCharsets.UTF_8);
    out.println("results");
    out.println("and more");
    return stdout.problem();
  }

  @Test
  void theHeapLimitIsNamedWhenItIsReached() throws Exception {
    Files.write(texts, TinyModel.sentences(24, 400_000));
    Outcome outcome =
        process(
            folder,
            Map.of(),
            List.of("-Xmx24m"),
            words(folder, "run --model ./model --input ./texts.txt --full-depth"));
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.message())
        .contains("out of memory", "heap limited to 2", "OFFRAMP_JAVA_OPTS=-Xmx");
    assertThat(outcome.err()).doesNotContain("\tat ");
  }

  /** The same bytes come out whatever language and character set the system has. */
  @Test
  void outputDoesNotDependOnTheSystemsLanguage() throws Exception {
    Path config = model.resolve("config.json");
    for (String label : List.of("one", "two", "three")) {
      Files.writeString(
          config, Files.readString(config).replace('"' + label + '"', '"' + label + "-größer\""));
    }
    List<String> german =
        List.of(
            "-Duser.language=de",
            "-Duser.country=DE",
            "-Dstdout.encoding=US-ASCII",
            "-Dstderr.encoding=US-ASCII");
    Outcome run =
        process(
            folder,
            Map.of(),
            german,
            words(folder, "run --model ./model --input ./texts.txt --full-depth"));
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out()).containsPattern("\n0\t(one|two|three)-größer\t[01]\\.\\d{4}\t1\n");
    assertThat(run.err()).containsPattern("mean depth 4\\.00 of 4 layers");
    Outcome refused =
        process(
            folder,
            Map.of(),
            german,
            words(
                folder, "bench --model ./model --input ./texts.txt --against " + "x".repeat(300)));
    assertThat(refused.message()).contains("x…: unknown");
  }
}
