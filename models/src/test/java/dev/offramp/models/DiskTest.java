package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
}
