package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.words;
import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExportCliTest {
  @TempDir private Path folder;
  private Path model;

  @BeforeEach
  void write() {
    model = TinyModel.write(folder.resolve("model"), 1, 2, 4);
  }

  /** What a line typed in the test's folder does. */
  private Outcome offramp(String line) {
    return Offramp.offramp(words(folder, line));
  }

  private void refuses(String part, String line) {
    Offramp.refuses(2, part, words(folder, line));
  }

  @Test
  void theWholeNetworkIsOneFile() {
    Path file = folder.resolve("model.onnx");
    Outcome outcome = offramp("export --model ./model --onnx ./model.onnx");
    assertThat(outcome.code()).isZero();
    assertThat(outcome.out().strip()).isEqualTo(file.toString());
    assertThat(outcome.err()).contains("layers 1 to 4");
    assertThat(file).isNotEmptyFile();
    refuses("is there already; pass --overwrite", "export --model ./model --onnx ./model.onnx");
    assertThat(offramp("export --model ./model --onnx ./model.onnx --overwrite").code()).isZero();
    refuses("is a folder; name a file, or pass --segments", "export --model ./model --onnx ./");
  }

  @Test
  void segmentsAreAFileForEachExit() {
    Path out = folder.resolve("stages");
    Outcome outcome = offramp("export --model ./model --onnx ./stages --segments");
    assertThat(outcome.code()).isZero();
    assertThat(outcome.err()).contains("layers 1 to 2").contains("layers 3 to 4");
    assertThat(out).isDirectoryContaining("glob:**exit-0.onnx");
    assertThat(out).isDirectoryContaining("glob:**exit-1.onnx");
    refuses("exit-0.onnx: is there already", "export --model ./model --onnx ./stages --segments");
  }

  /** The second exit's grid does not divide its map of 6 x 6, the first one's does. */
  @Test
  void whereASegmentIsRefusedNoneIsWritten() throws IOException {
    TinyImageModel.write(
        folder.resolve("images"),
        2,
        TinyImageModel.BASIC,
        TinyImageModel.exit(1, 4, "top1"),
        TinyImageModel.exit(3, 4, "top1"));
    refuses(
        "$.exits[1].head.grid: 4 cells along 6 pixels",
        "export --model ./images --onnx ./stages --segments");
    Path stages = folder.resolve("stages");
    assertThat(stages).doesNotExist();
    Path old = Files.writeString(Files.createDirectory(stages).resolve("exit-0.onnx"), "old");
    refuses(
        "$.exits[1].head.grid: 4 cells along 6 pixels",
        "export --model ./images --onnx ./stages --segments --overwrite");
    assertThat(stages).isDirectoryNotContaining(file -> !file.equals(old));
    assertThat(old).hasContent("old");
  }

  /** By the folder's own name and by that of a link to it. */
  @Test
  void theModelIsNotOverwritten() throws IOException {
    Files.createSymbolicLink(folder.resolve("link"), model);
    byte[] config = Files.readAllBytes(model.resolve("config.json"));
    for (String target : List.of("model/config.json", "link/config.json")) {
      refuses(
          "config.json: is an input", "export --model ./model --onnx ./" + target + " --overwrite");
    }
    refuses("stages: is an input", "export --model ./link --onnx ./model/new/../stages --segments");
    assertThat(model.resolve("config.json")).hasBinaryContent(config);
    assertThat(model.resolve("stages")).doesNotExist();
    assertThat(offramp("export --model ./model --onnx ./model-whole.onnx").code()).isZero();
  }

  /** What cannot be written shows before the work; a file's folder is not made, a folder is. */
  @Test
  void theTargetIsLookedAtFirst() throws IOException {
    Path gone = folder.resolve("gone");
    refuses(
        "x.onnx: cannot be written: there is no writable folder of that name; make it first",
        "export --model ./model --onnx ./gone/x.onnx");
    assertThat(gone).doesNotExist();
    Path file = Files.writeString(folder.resolve("file"), "x");
    refuses(
        "stages: cannot be written: " + file + " is a file",
        "export --model ./model --onnx ./file/stages --segments");
    assertThat(offramp("export --model ./model --onnx ./gone/stages --segments").code()).isZero();
    assertThat(gone.resolve("stages")).isDirectoryContaining("glob:**exit-1.onnx");
  }

  @Test
  void aBackboneHasNoSegments() {
    TinyModel.write(model, 1);
    refuses(
        "--segments: the model has no exits to cut at",
        "export --model ./model --onnx ./out --segments");
    Path file = folder.resolve("backbone.onnx");
    assertThat(offramp("export --model ./model --onnx ./backbone.onnx").code()).isZero();
    assertThat(file).isNotEmptyFile();
  }
}
