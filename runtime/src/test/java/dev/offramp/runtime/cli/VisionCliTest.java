package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.words;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.models.Head;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import dev.offramp.runtime.demo.DemoJob;
import dev.offramp.runtime.demo.VisionJob;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Image models on the command line, from pictures to certified answers. */
class VisionCliTest {
  private static final int IMAGES_OF_CLASS = 60;

  @TempDir private Path folder;
  private Path model;
  private Path photos;

  /** Pictures of three colours, mixed with noise, in a folder for each. */
  @BeforeEach
  void write() throws IOException {
    model =
        TinyImageModel.write(
            folder.resolve("model"), 5, TinyImageModel.FOUR_BLOCKS, TinyImageModel.exits(1, 2, 4));
    photos = folder.resolve("photos");
    Random random = new Random(6);
    for (int c = 0; c < TinyImageModel.LABELS.size(); c++) {
      Path ofClass = Files.createDirectories(photos.resolve(TinyImageModel.LABELS.get(c)));
      for (int i = 0; i < IMAGES_OF_CLASS; i++) {
        BufferedImage image = new BufferedImage(15, 13, BufferedImage.TYPE_INT_RGB);
        for (int p = 0; p < 15 * 13; p++) {
          int noise = random.nextInt() & 0xffffff;
          image.setRGB(p % 15, p / 15, random.nextInt(3) == 0 ? noise : 0xe0 << 8 * c);
        }
        ImageIO.write(image, "png", ofClass.resolve("%03d.png".formatted(i)).toFile());
      }
    }
  }

  @Test
  void badImagesAreNamedAndMayBeSkipped() throws IOException {
    JsonArray clean =
        run("--model ./model --input ./photos --full-depth").getAsJsonArray("results");
    Path bad = photos.resolve("two").resolve("0000.png");
    byte[] whole = Files.readAllBytes(photos.resolve("two").resolve("000.png"));
    Files.write(bad, Arrays.copyOf(whole, whole.length / 2));
    refuses("0000.png", "run --model ./model --input ./photos --full-depth");
    Path empty = Files.createFile(photos.resolve("three").resolve("zero.jpg"));
    Outcome skipping =
        offramp("run --model ./model --input ./photos --full-depth --skip-bad --json");

    assertThat(skipping.code()).as(skipping.err()).isZero();
    assertThat(skipping.json().getAsJsonArray("results")).isEqualTo(clean);
    assertThat(skipping.json().getAsJsonArray("skipped"))
        .hasSize(2)
        .anyMatch(message -> message.getAsString().contains(bad.toString()))
        .anyMatch(message -> message.getAsString().contains(empty.toString()));
    assertThat(skipping.err()).contains("skipped: ").contains("0000.png").contains("zero.jpg");
    refuses(
        "not one image",
        "run --model ./model --input ./photos/three/zero.jpg --full-depth --skip-bad");
  }

  @Test
  void theTableHoldsALineForEachFileWhateverItIsCalled() throws IOException {
    Path odd = Files.createDirectory(folder.resolve("odd"));
    Path photo = photos.resolve("one").resolve("000.png");
    for (String name : List.of("a\tb\r\n1.png", "c\\t\u001b[2J.png", "d é.png")) {
      Files.copy(photo, odd.resolve(name));
    }
    Outcome run = offramp("run --model ./model --input ./odd --full-depth");
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.out().lines().skip(1).map(line -> line.split("\t", -1)[4]))
        .containsExactly(
            odd + "/a\\tb\\r\\n1.png", odd + "/c\\\\t\\u001b[2J.png", odd + "/d é.png");
    JsonArray results = run("--model ./model --input ./odd --full-depth").getAsJsonArray("results");
    assertThat(results.get(0).getAsJsonObject().get("source").getAsString())
        .isEqualTo(odd + "/a\tb\r\n1.png");
  }

  @Test
  void fromAFrozenNetworkToCertifiedAnswers() throws Exception {
    Path exits = folder.resolve("exits");
    Outcome attached =
        offramp(
            "attach --model ./model --data ./photos --after 1,3 --keep-last --distill --out ./exits");
    assertThat(attached.code()).as(attached.err()).isZero();
    try (ModelDirectory before = ModelDirectory.open(model);
        ModelDirectory after = ModelDirectory.open(exits)) {
      assertThat(after.config().labels()).isEqualTo(before.config().labels());
      assertThat(after.config().exits())
          .extracting(exit -> exit.head())
          .containsExactly(
              Head.ofImage(4, "top1"), Head.ofImage(4, "top1"), Head.ofImage(1, "top1"));
      assertThat(after.tensor("exits.2.weight").toFloats())
          .hasSize(3 * 16)
          .isEqualTo(before.tensor("exits.2.weight").toFloats());
    }
    Outcome calibrated =
        offramp(
            "calibrate --model ./exits --data ./photos --risk prediction-consistency"
                + " --epsilon 0.2 --json");
    assertThat(calibrated.code()).as(calibrated.err()).isZero();
    JsonObject answers = run("--model ./exits --input ./photos");
    assertThat(answers.get("meanDepth").getAsDouble()).isLessThan(4);

    try (Engine engine = Engine.open(exits, EngineOptions.throughput().withBatch(8))) {
      List<String> expected = new ArrayList<>();
      List<String> found = new ArrayList<>();
      for (var answer : answers.getAsJsonArray("results").asList().subList(0, 40)) {
        JsonObject one = answer.getAsJsonObject();
        Path source = Path.of(one.get("source").getAsString());
        Result result = engine.submit(Request.of(source)).get();
        expected.add(one.get("label").getAsString() + one.get("exit"));
        found.add(result.label() + result.exit());
        Request inMemory = Request.of(Files.readAllBytes(source));
        assertThat(engine.submit(inMemory).get()).isEqualTo(result);
      }
      assertThat(found).isEqualTo(expected);
      assertThatThrownBy(() -> engine.submit("a text"))
          .hasMessage("the model takes images, not texts");
      for (byte[] notOne : List.of(new byte[0], "GIF89a".getBytes(UTF_8))) {
        assertThatThrownBy(() -> engine.submit(Request.of(notOne)))
            .isInstanceOf(InputException.class)
            .hasMessageStartingWith("the image: is ");
      }
      Path many = Files.write(folder.resolve("many.bin"), new byte[2 * 3073]);
      for (Path notOne : List.of(photos, many, folder.resolve("gone.png"))) {
        assertThatThrownBy(() -> engine.submit(Request.of(notOne)))
            .isInstanceOf(InputException.class)
            .hasMessageStartingWith(notOne + ": ");
      }
    }
  }

  @Test
  void theDemoNeedsAFewImages() throws IOException {
    Path few = Files.createDirectories(folder.resolve("only a few"));
    Path one = Files.createDirectories(few.resolve("one"));
    try (ModelDirectory opened = ModelDirectory.open(model)) {
      VisionJob job = new VisionJob(List.of(few));
      for (int i = 0; i < 50; i++) {
        String name = "%03d.png".formatted(i);
        Files.copy(photos.resolve("one").resolve(name), one.resolve(name));
        if (i == 48) {
          assertThatThrownBy(() -> job.data(opened, folder))
              .isInstanceOf(InputException.class)
              .hasMessage("--data: 49 images are too few; name at least 50");
        }
      }
      DemoJob.Data data = job.data(opened, folder);
      assertThat(data.calibration().size()).isEqualTo(10);
      assertThat(data.test().size()).isEqualTo(40);
      assertThat(data.again()).isEqualTo("--input \"" + few.toAbsolutePath() + "\"");
    }
  }

  /** ONNX Runtime runs the very network, whole and cut at its exits, and answers alike. */
  @Test
  void onnxRuntimeIsAPeer() {
    Outcome outcome =
        offramp(
            "bench --model ./model --input ./photos --batch 8 --rounds 1 --threads 1 --lambda 0.5"
                + " --modes full-depth,early-exit --against onnxruntime,onnxruntime-segmented"
                + " --json");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    List<JsonObject> cases = outcome.cases();
    assertThat(cases)
        .extracting(line -> line.get("mode").getAsString())
        .containsExactly("full-depth", "early-exit", "onnxruntime", "onnxruntime-segmented");
    assertThat(cases.get(3).get("meanDepth")).isEqualTo(cases.get(1).get("meanDepth"));
    assertThat(cases.get(3).get("meanDepth").getAsDouble()).isBetween(1.0, 3.999);
  }

  @Test
  void whatIsForTextsIsRefusedAndTheReverse() throws IOException {
    Files.write(folder.resolve("texts.txt"), TinyModel.sentences(1, 5));
    TinyModel.write(folder.resolve("text"), 1, 2, 4);
    refuses("texts.txt", "run --model ./model --input ./texts.txt --full-depth");
    refuses("--skip-bad", "run --model ./text --input ./texts.txt --full-depth --skip-bad");
    refuses("--sequence 8", "bench --model ./model --input ./photos --sequence 8");
    for (String peer : List.of("pytorch", "jcuda")) {
      refuses(
          "--against " + peer + ": runs text models only",
          "bench --model ./model --input ./photos --against " + peer);
    }
    refuses("--data", "demo --data ./photos");
    refuses(
        "--pooling: is for text models; use --grid",
        "attach --model ./model --data ./photos --after 1 --pooling max --out ./out");
    refuses("--grid 7", "attach --model ./model --data ./photos --after 1 --grid 7 --out ./out");
  }

  private JsonObject run(String line) {
    Outcome outcome = offramp("run --json " + line);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return outcome.json();
  }

  /** What a line typed in the test's folder does. */
  private Outcome offramp(String line) {
    return Offramp.offramp(words(folder, line));
  }

  private void refuses(String part, String line) {
    Offramp.refuses(2, part, words(folder, line));
  }
}
