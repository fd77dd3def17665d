package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExportCliTest {
  @TempDir private Path folder;

  @Test
  void theWholeNetworkIsOneFile() {
    Path model = TinyModel.write(folder.resolve("model"), 1, 2, 4);
    Path file = folder.resolve("model.onnx");
    Offramp.Outcome outcome = offramp("export", "--model", model, "--onnx", file);
    assertThat(outcome.code()).isZero();
    assertThat(outcome.out().strip()).isEqualTo(file.toString());
    assertThat(outcome.err()).contains("layers 1 to 4");
    assertThat(file).isNotEmptyFile();
    refuses(2, "is there already; pass --overwrite", "export", "--model", model, "--onnx", file);
    assertThat(offramp("export", "--model", model, "--onnx", file, "--overwrite").code()).isZero();
    refuses(
        2,
        "is a folder; name a file, or pass --segments",
        "export",
        "--model",
        model,
        "--onnx",
        folder);
  }

  @Test
  void segmentsAreAFileForEachExit() {
    Path model = TinyModel.write(folder.resolve("model"), 1, 2, 4);
    Path out = folder.resolve("stages");
    Offramp.Outcome outcome = offramp("export", "--model", model, "--onnx", out, "--segments");
    assertThat(outcome.code()).isZero();
    assertThat(outcome.err()).contains("layers 1 to 2").contains("layers 3 to 4");
    assertThat(out).isDirectoryContaining("glob:**exit-0.onnx");
    assertThat(out).isDirectoryContaining("glob:**exit-1.onnx");
    refuses(
        2,
        "exit-0.onnx: is there already",
        "export",
        "--model",
        model,
        "--onnx",
        out,
        "--segments");
  }

  /** By the folder's own name and by that of a link to it. */
  @Test
  void theModelIsNotOverwritten() throws IOException {
    Path model = TinyModel.write(folder.resolve("model"), 1, 2, 4);
    Path link = Files.createSymbolicLink(folder.resolve("link"), model);
    byte[] config = Files.readAllBytes(model.resolve("config.json"));
    for (Path target : List.of(model.resolve("config.json"), link.resolve("config.json"))) {
      refuses(
          2,
          "config.json: is an input",
          "export",
          "--model",
          model,
          "--onnx",
          target,
          "--overwrite");
    }
    refuses(
        2,
        "stages: is an input",
        "export",
        "--model",
        link,
        "--onnx",
        model.resolve("new/../stages"),
        "--segments");
    assertThat(model.resolve("config.json")).hasBinaryContent(config);
    assertThat(model.resolve("stages")).doesNotExist();
    Path beside = folder.resolve("model-whole.onnx");
    assertThat(offramp("export", "--model", model, "--onnx", beside).code()).isZero();
  }

  /** What cannot be written shows before the work; a file's folder is not made, a folder is. */
  @Test
  void theTargetIsLookedAtFirst() throws IOException {
    Path model = TinyModel.write(folder.resolve("model"), 1, 2, 4);
    Path gone = folder.resolve("gone");
    refuses(
        2,
        "x.onnx: cannot be written: there is no writable folder of that name; make it first",
        "export",
        "--model",
        model,
        "--onnx",
        gone.resolve("x.onnx"));
    assertThat(gone).doesNotExist();
    Path file = Files.writeString(folder.resolve("file"), "x");
    refuses(
        2,
        "stages: cannot be written: " + file + " is a file",
        "export",
        "--model",
        model,
        "--onnx",
        file.resolve("stages"),
        "--segments");
    Path deep = gone.resolve("stages");
    assertThat(offramp("export", "--model", model, "--onnx", deep, "--segments").code()).isZero();
    assertThat(deep).isDirectoryContaining("glob:**exit-1.onnx");
  }

  @Test
  void aBackboneHasNoSegments() {
    Path model = TinyModel.write(folder.resolve("model"), 1);
    refuses(
        2,
        "--segments: the model has no exits to cut at",
        "export",
        "--model",
        model,
        "--onnx",
        folder.resolve("out"),
        "--segments");
    Path file = folder.resolve("backbone.onnx");
    assertThat(offramp("export", "--model", model, "--onnx", file).code()).isZero();
    assertThat(file).isNotEmptyFile();
  }
}
