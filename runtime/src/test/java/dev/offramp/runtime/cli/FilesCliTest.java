package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.io.NpyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Links, pipes and names that are too long, where files are read and written. */
class FilesCliTest {
  private static final String LONGEST = "n".repeat(255);
  private static final String TOO_LONG = "n".repeat(256);

  @TempDir private Path folder;
  private Path model;
  private Path texts;

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"), 41, 1, 4);
    List<String> lines = new ArrayList<>(List.of("label\ttext"));
    TinyModel.sentences(42, 60).forEach(sentence -> lines.add("one\t" + sentence));
    texts = Files.write(folder.resolve("texts.tsv"), lines);
  }

  private Object[] export(Path file, Object... more) {
    return line(List.of("export", "--model", model, "--onnx", file), more);
  }

  private Object[] calibrate(Object... more) {
    return line(List.of("calibrate", "--model", model, "--epsilon", 0.6, "--data", texts), more);
  }

  /** Needs no model: the smallest table that there is. */
  private Object[] validate(Object... more) throws IOException {
    Path losses = NpyFile.write(folder.resolve("losses.npy"), new double[2][100]);
    Path grid = Files.writeString(folder.resolve("grid.csv"), "lambda\n1\n0\n");
    return line(
        List.of(
            "validate",
            "--losses",
            losses,
            "--lambdas",
            grid,
            "--epsilon",
            0.5,
            "--calibration-size",
            50,
            "--trials",
            2),
        more);
  }

  private static Object[] line(List<?> first, Object... more) {
    List<Object> line = new ArrayList<>(first);
    line.addAll(List.of(more));
    return line.toArray();
  }

  @Test
  void whatALinkLeadsToIsReplacedAndTheLinkStays() throws IOException {
    Path far = Files.createDirectory(folder.resolve("far"));
    Path report = Files.writeString(far.resolve("report.html"), "old");
    Path table = Files.writeString(far.resolve("table.csv"), "old");
    Path toReport = Files.createSymbolicLink(folder.resolve("r.html"), report);
    Path toTable = Files.createSymbolicLink(folder.resolve("t.csv"), Path.of("far/table.csv"));
    assertThat(offramp(validate("--report", toReport, "--out", toTable)).code()).isZero();
    assertThat(List.of(toReport, toTable)).allMatch(Files::isSymbolicLink);
    assertThat(report).content().startsWith("<!DOCTYPE html>");
    assertThat(table).content().contains("epsilon");

    Path second = Files.createSymbolicLink(folder.resolve("second"), table);
    refuses(2, "another output", validate("--per-trial", second, "--out", toTable));
    Path toNothing = Files.createSymbolicLink(folder.resolve("nothing"), far.resolve("gone"));
    refuses(2, "nothing: is a link to nothing", validate("--report", toNothing));
    refuses(2, "nothing is a link to nothing", "import", "x.onnx", "--out", toNothing);

    Path empty = Files.createFile(far.resolve("certificate.json"));
    Path toEmpty = Files.createSymbolicLink(model.resolve("certificate.json"), empty);
    assertThat(offramp(calibrate()).code()).isZero();
    assertThat(toEmpty).isSymbolicLink();
    assertThat(empty).content().contains("formatVersion");
  }

  /** The link lies in the folder of the segments, the model does not. */
  @Test
  void noSegmentIsWrittenOverTheModel() throws IOException {
    Path weights = model.resolve("model.safetensors");
    byte[] before = Files.readAllBytes(weights);
    Path stages = Files.createDirectory(folder.resolve("stages"));
    Files.createSymbolicLink(stages.resolve("exit-1.onnx"), weights);
    refuses(2, "exit-1.onnx: is an input", export(stages, "--segments", "--overwrite"));
    assertThat(weights).hasBinaryContent(before);
    assertThat(stages.resolve("exit-0.onnx")).doesNotExist();
  }

  @Test
  void aPipeIsNotReplaced() throws Exception {
    Path pipe = pipe(folder.resolve("pipe"));
    String part = "pipe: is not a regular file";
    refuses(2, part, validate("--report", pipe));
    refuses(2, part, validate("--out", pipe));
    refuses(2, part, export(pipe, "--overwrite"));
    refuses(2, part, calibrate("--certificate", pipe));
    refuses(2, part, "bench", "--model", model, "--input", texts, "--report", pipe);
    Path stages = Files.createDirectory(folder.resolve("stages"));
    pipe(stages.resolve("exit-0.onnx"));
    refuses(2, "exit-0.onnx: is not a regular file", export(stages, "--segments", "--overwrite"));
    assertThat(List.of(pipe, stages.resolve("exit-0.onnx"))).allMatch(FilesCliTest::isPipe);
  }

  @Test
  void aPipeIsNotRead() throws Exception {
    Path pipe = pipe(folder.resolve("pipe.tsv"));
    refusesPipe(pipe, "calibrate", "--model", model, "--epsilon", 0.6, "--data", pipe);
    refusesPipe(pipe, "run", "--model", model, "--lambda", 0.5, "--input", pipe);
    for (String option : List.of("--losses", "--lambdas")) {
      Object[] line = validate();
      line[List.of(line).indexOf(option) + 1] = pipe;
      refusesPipe(pipe, line);
    }
    refusesPipe(pipe, "run", "--model", model, "--input", texts, "--certificate", pipe);
    refusesPipe(pipe, "serve", "--model", model, "--port", 0, "--token-file", pipe);
    Path onnx = pipe(folder.resolve("pipe.onnx"));
    refusesPipe(onnx, "import", onnx, "--out", folder.resolve("imported"));
    for (String name :
        List.of("certificate.json", "tokenizer.json", "model.safetensors", "config.json")) {
      Path file = model.resolve(name);
      Files.deleteIfExists(file);
      Files.createSymbolicLink(file, pipe);
      refusesPipe(file, "run", "--model", model, "--input", texts);
    }
  }

  private static void refusesPipe(Path pipe, Object... arguments) {
    assertTimeoutPreemptively(
        Duration.ofSeconds(60), () -> refuses(2, pipe + ": is not a regular file", arguments));
  }

  private static boolean isPipe(Path file) {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class).isOther();
    } catch (IOException e) {
      return false;
    }
  }

  private static Path pipe(Path file) throws InterruptedException {
    try {
      assertThat(new ProcessBuilder("mkfifo", file.toString()).start().waitFor()).isZero();
      return file;
    } catch (IOException e) {
      return Assumptions.abort("no mkfifo here: " + e.getMessage());
    }
  }

  @Test
  void aNameMayBeAsLongAsNamesCanBe() throws IOException {
    Path longest = folder.resolve(LONGEST);
    assertThat(offramp(export(longest)).code()).isZero();
    Files.delete(longest);
    assertThat(offramp(calibrate("--certificate", longest)).code()).isZero();
    Files.delete(longest);
    assertThat(offramp(validate("--report", longest)).code()).isZero();
  }

  /** Seen before anything is read: none of the inputs of the last three is there. */
  @Test
  void aNameThatIsTooLongIsSeenFirst() throws IOException {
    Path file = folder.resolve(TOO_LONG);
    String part = TOO_LONG + ": cannot be written (File name too long); name another place";
    refuses(2, part, export(file));
    refuses(2, part, export(file, "--segments"));
    Files.delete(texts);
    refuses(2, part, calibrate("--certificate", file));
    Object[] line = validate("--report", file);
    Files.delete(folder.resolve("losses.npy"));
    refuses(2, part, line);
    refuses(2, part, "import", folder.resolve("gone.onnx"), "--out", file);
    Path deep = file.resolve("model");
    String below = deep + ": cannot be written (File name too long)";
    refuses(2, below, "import", folder.resolve("gone.onnx"), "--out", deep);
    Path made = folder.resolve("to/be/made").resolve(TOO_LONG);
    refuses(2, made + ": cannot be written", "import", "gone.onnx", "--out", made);
  }
}
