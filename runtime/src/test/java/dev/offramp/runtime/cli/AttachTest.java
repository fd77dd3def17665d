package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.attach.ExitTraining;
import dev.offramp.runtime.attach.Targets;
import dev.offramp.runtime.attach.TrainedHead;
import dev.offramp.runtime.cli.Offramp.Outcome;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.io.Inputs;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AttachTest {
  @TempDir private Path folder;

  /** A head that reads the first token and scores by margin goes on doing so, and so do the new. */
  @Test
  void headsFollowTheLastOfTheModel() throws Exception {
    Head head = Head.ofText("first", "margin");
    Path source = TinyModel.write(folder.resolve("source"), 41, "gelu", head, 2, 4);
    Path texts = folder.resolve("texts.txt");
    Files.write(texts, TinyModel.sentences(42, 400));
    Path out = folder.resolve("out");
    Outcome outcome =
        offramp(
            "attach",
            "--model",
            source,
            "--data",
            texts,
            "--after",
            "1,3",
            "--out",
            out,
            "--distill");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    try (ModelDirectory before = ModelDirectory.open(source);
        ModelDirectory after = ModelDirectory.open(out)) {
      assertThat(after.config().exits()).hasSize(3).allMatch(exit -> exit.head().equals(head));
      assertThat(bytes(after.tensor("exits.2.weight")))
          .isEqualTo(bytes(before.tensor("exits.1.weight")));
      assertThat(bytes(after.tensor("exits.2.bias")))
          .isEqualTo(bytes(before.tensor("exits.1.bias")));
    }
    // The kept head answers and scores as before.
    String full = offramp("run", "--model", source, "--input", texts, "--full-depth").out();
    assertThat(offramp("run", "--model", out, "--input", texts, "--full-depth").out())
        .isEqualTo(full.replaceAll("(?m)\t1$", "\t2"));
    assertThat(trained(out)).isEqualTo(expected(source, texts));
  }

  /** The kind of head that was asked for is trained and written; a head that is kept stays. */
  @Test
  void headsAreOfTheKindThatWasAskedFor() throws Exception {
    String examples = "label\ttext\none\tbab wab\ntwo\twab bab\none\tbab bab\nthree\twab wab\n";
    Head asked = Head.ofText("first", "margin");
    Path out = folder.resolve("out");
    assertThat(attach(examples).code()).isZero();
    float[] ofMeans = trained(out);
    Object[] kind = {"--pooling", "first", "--confidence", "margin", "--overwrite"};
    assertThat(attach(examples, kind).err()).contains("exit 1 after layer 4");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().exits()).hasSize(2).allMatch(exit -> exit.head().equals(asked));
    }
    assertThat(trained(out)).isNotEqualTo(ofMeans);
    Object[] kept = {"--pooling", "FIRST", "--confidence", "margin", "--overwrite", "--distill"};
    assertThat(attach("text\nbab\nwab\n", kept).code()).isZero();
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().exits())
          .extracting(Exit::head)
          .containsExactly(asked, Head.ofText("mean", "top1"));
    }
    assertThat(attach(examples, "--overwrite", "--grid", 2).err())
        .contains("--grid: is for image models; leave it out");
    assertThat(attach(examples, "--overwrite", "--pooling", "last").err())
        .contains("expected one of [mean, first, max]");
  }

  @Test
  void theModelThatIsReadIsNotReplaced() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"), 5);
    Path texts = Files.writeString(folder.resolve("t.tsv"), "label\ttext\none\tbab\ntwo\twab\n");
    for (Path out : List.of(model, model.resolve("exits"))) {
      refuses(
          2,
          "is an input or another output too, or within one",
          "attach",
          "--model",
          model,
          "--data",
          texts,
          "--out",
          out,
          "--after",
          1,
          "--overwrite");
    }
    try (ModelDirectory same = ModelDirectory.open(model)) {
      assertThat(same.config().exits()).isEmpty();
    }
  }

  /** What three texts cannot show is said, and not that all is well. */
  @Test
  void saysHowLittleItLearntFrom() throws Exception {
    Outcome outcome = attach("label\ttext\nb\tone\na\ttwo\na\tthree\n");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err())
        .contains("3 examples of 2 classes; of the rarest, b, there are 1", "fewer than 10")
        .contains("% of what it was trained on: too few to hold any out");
  }

  @Test
  void aLabelThatTheKeptHeadDoesNotKnowIsRefusedBeforeAnyFeature() throws Exception {
    Outcome outcome = attach("label\ttext\nnobody\tone\n", "--keep-last");
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("the label 'nobody'").doesNotContain("features");
  }

  /** A network of many classes may be given exits by examples of some. */
  @Test
  void aKeptHeadMayKnowClassesThatHaveNoExample() throws Exception {
    Outcome outcome = attach("label\ttext\none\tbab\ntwo\twab\none\tbab wab\n", "--keep-last");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).contains("without an example: 1 of the model's classes");
    Path texts = Files.writeString(folder.resolve("texts.txt"), "bab\nwab\nbab wab\n");
    Object[] run = {"run", "--model", folder.resolve("out"), "--input", texts, "--lambda", 0};
    assertThat(offramp(run).out()).doesNotContain("three");
  }

  /** The weight is that of the last head's answers; the labels have the rest. */
  @Test
  void distillingIsByItsWeight() throws Exception {
    List<String> sentences = TinyModel.sentences(43, 60);
    StringBuilder examples = new StringBuilder("label\ttext\n");
    for (String sentence : sentences) {
      examples
          .append(sentence.length() < 20 ? "one" : sentence.length() < 32 ? "two" : "three")
          .append('\t')
          .append(sentence)
          .append('\n');
    }
    float[] ofAnswers = distilled("text\n" + String.join("\n", sentences) + "\n", "1");
    float[] ofLabels = distilled(examples.toString(), "0");
    assertThat(distilled(examples.toString(), "1")).isEqualTo(ofAnswers).isNotEqualTo(ofLabels);
    float[] mostlyLabels = distilled(examples.toString(), "0.1");
    assertThat(distance(mostlyLabels, ofLabels))
        .isPositive()
        .isLessThan(distance(mostlyLabels, ofAnswers));
  }

  private float[] distilled(String examples, String weight) throws Exception {
    Outcome outcome = attach(examples, "--keep-last", "--distill", weight, "--overwrite");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return trained(folder.resolve("out"));
  }

  private static double distance(float[] some, float[] others) {
    double sum = 0;
    for (int i = 0; i < some.length; i++) {
      sum += Math.abs(some[i] - others[i]);
    }
    return sum;
  }

  @Test
  void oneExampleTeachesNothing() throws Exception {
    Outcome outcome = attach("text\nbab\n", "--distill");
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("data.tsv: holds 1 example").doesNotContain("features");
  }

  private Outcome attach(String examples, Object... more) throws Exception {
    Path source = folder.resolve("source");
    if (!Files.exists(source)) {
      TinyModel.write(source, 41, 2, 4);
    }
    Path data = Files.writeString(folder.resolve("data.tsv"), examples);
    List<Object> line = new ArrayList<>(List.of("attach", "--model", source, "--data", data));
    line.addAll(List.of("--after", 1, "--out", folder.resolve("out")));
    line.addAll(List.of(more));
    return offramp(line.toArray());
  }

  /** Weights of the head after layer 1, as written. */
  private static float[] trained(Path path) {
    try (ModelDirectory model = ModelDirectory.open(path)) {
      return model.tensor("exits.0.weight").toFloats();
    }
  }

  /** The same weights, trained on first tokens towards what the last head says of first tokens. */
  private static float[] expected(Path source, Path texts) {
    Head head = Head.ofText("first", "margin");
    List<Exit> exits = List.of(new Exit(1, head), new Exit(4, head));
    try (ModelDirectory model = ModelDirectory.open(source);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.openAt(model, device, exits, 50, TinyModel.MAX_TOKENS)) {
      List<float[]> features =
          runner.features(
              Inputs.read(List.of(texts), model).rows(), 50, List.of(head, head), done -> {});
      float[][] weight = new float[TinyModel.LABELS.size()][TinyModel.HIDDEN];
      float[] bias = model.tensor("exits.1.bias").toFloats();
      for (int c = 0; c < weight.length; c++) {
        for (int j = 0; j < TinyModel.HIDDEN; j++) {
          weight[c][j] = model.tensor("exits.1.weight").floatAt((long) c * TinyModel.HIDDEN + j);
        }
      }
      Targets targets = ExitTraining.answers(weight, bias, features.getLast(), TinyModel.HIDDEN);
      TrainedHead trained =
          ExitTraining.earlier(features.subList(0, 1), targets, 1, 1, done -> {}).getFirst();
      float[] flat = new float[weight.length * TinyModel.HIDDEN];
      for (int c = 0; c < weight.length; c++) {
        System.arraycopy(trained.weight()[c], 0, flat, c * TinyModel.HIDDEN, TinyModel.HIDDEN);
      }
      return flat;
    }
  }

  private static byte[] bytes(Tensor tensor) {
    return tensor.data().toArray(ValueLayout.JAVA_BYTE);
  }
}
