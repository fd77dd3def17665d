package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DiskTest {
  @TempDir Path temp;

  /** A new directory that vanishes before it can take the old one's place leaves the old one. */
  @Test
  void theOldDirectoryStaysIfTheNewOneCannotTakeItsPlace() throws IOException {
    Path directory = Files.createDirectories(temp.resolve("model"));
    Path old = Files.writeString(directory.resolve("old"), "kept");
    assertThatThrownBy(() -> Disk.replaceDirectory(directory, Files::delete))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessage("cannot write " + directory);
    assertThat(old).hasContent("kept");
    assertThat(temp).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void filesThatBelongTogetherAreAllReplacedOrNone() throws IOException {
    Path first = Files.writeString(temp.resolve("first"), "old");
    Path second = temp.resolve("second");
    Map<Path, Disk.Writer> writers = new LinkedHashMap<>();
    writers.put(first, temporary -> Files.writeString(temporary, "new"));
    writers.put(
        second,
        _ -> {
          throw new IOException("disk full");
        });
    assertThatThrownBy(() -> Disk.replaceFiles(writers))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessage("cannot write " + second);
    assertThat(temp).isDirectoryNotContaining(file -> !file.equals(first));
    assertThat(first).hasContent("old");
    writers.put(second, temporary -> Files.writeString(temporary, "new"));
    Disk.replaceFiles(writers);
    assertThat(temp).isDirectoryNotContaining("glob:**.tmp");
    assertThat(first).hasContent("new");
    assertThat(second).hasContent("new");
  }

  @Test
  void linksStayAndLeadToWhatIsNew() throws IOException {
    Path file = Files.writeString(Files.createDirectory(temp.resolve("far")).resolve("f"), "old");
    Path link = Files.createSymbolicLink(temp.resolve("link"), Path.of("far/f"));
    Disk.replaceFile(link, temporary -> Files.writeString(temporary, "new"));
    assertThat(link).isSymbolicLink();
    assertThat(file).hasContent("new");

    Path directory = Files.createDirectory(temp.resolve("far/model"));
    Files.writeString(directory.resolve("old"), "old");
    Path toDirectory = Files.createSymbolicLink(temp.resolve("toDirectory"), directory);
    Disk.replaceDirectory(toDirectory, made -> Files.writeString(made.resolve("new"), "new"));
    assertThat(toDirectory).isSymbolicLink();
    assertThat(directory)
        .isDirectoryContaining("glob:**new")
        .isDirectoryNotContaining("glob:**old");
    assertThat(temp).isDirectoryNotContaining("glob:**.tmp");
    assertThat(temp.resolve("far")).isDirectoryNotContaining("glob:**.tmp");

    Path toNothing = Files.createSymbolicLink(temp.resolve("toNothing"), temp.resolve("gone"));
    assertThatThrownBy(() -> Disk.replaceFile(toNothing, Files::createFile))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("toNothing: is a link to nothing");
    assertThat(toNothing).isSymbolicLink();
  }

  /** The shell may have made files of them, which would be lost. */
  @ParameterizedTest
  @ValueSource(strings = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
  void streamsOfTheProcessAreNoTargets(String stream) {
    assertThatThrownBy(() -> Disk.target(Path.of(stream)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(stream + ": is not a regular file");
  }

  /** Opening a pipe would wait for the other end, writing would put a file into its place. */
  @Test
  void aPipeIsNeitherReadNorReplaced() throws Exception {
    Path pipe = pipe(temp.resolve("pipe.tsv"));
    Path link = Files.createSymbolicLink(temp.resolve("link.tsv"), pipe);
    for (Path file : List.of(pipe, link)) {
      refusesPipe(file, () -> Disk.readText(file, 100));
      refusesPipe(file, () -> Disk.map(file, Arena.ofAuto()));
      refusesPipe(file, () -> Disk.digest(Disk.sha256(), "data", file));
      refusesPipe(file, () -> TextData.read(file));
      refusesPipe(file, () -> ImageFile.open(file));
      refusesPipe(file, () -> Disk.replaceFile(file, Files::createFile));
    }
    assertThat(Files.readAttributes(pipe, BasicFileAttributes.class).isOther()).isTrue();
    Path model = temp.resolve("model");
    TinyModel.write(model);
    Files.delete(model.resolve("config.json"));
    pipe(model.resolve("config.json"));
    refusesPipe(model.resolve("config.json"), () -> ModelDirectory.open(model));
    assertThatThrownBy(() -> ModelDirectory.checkTarget(model, true))
        .hasMessageContaining("config.json: is not part of a model and would be lost");
  }

  private static void refusesPipe(Path pipe, Executable read) {
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () ->
            assertThatThrownBy(read::execute)
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(pipe + ": is not a regular file"));
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
  void aNameMayBeAsLongAsNamesCanBe() {
    Path longest = temp.resolve("n".repeat(255));
    Disk.replaceFile(longest, temporary -> Files.writeString(temporary, "x"));
    Disk.replaceFile(longest, temporary -> Files.writeString(temporary, "y"));
    assertThat(longest).hasContent("y");
    Path directory = temp.resolve("d".repeat(255));
    Disk.replaceDirectory(directory, made -> Files.writeString(made.resolve("f"), "x"));
    Disk.replaceDirectory(directory, made -> Files.writeString(made.resolve("f"), "y"));
    assertThat(directory.resolve("f")).hasContent("y");
    Path longer = temp.resolve("n".repeat(256));
    assertThatThrownBy(() -> Disk.target(longer))
        .isInstanceOf(InputException.class)
        .hasMessage(longer + ": cannot be written (File name too long); name another place");
  }
}
