package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What may lie where a certificate is read or written. */
class CertificateFileTest {
  @TempDir Path directory;

  private static Certificate certificate() {
    return CertificateTest.certificate(0.05);
  }

  @Test
  void aLinkStaysAndLeadsToTheNewOne() throws IOException {
    Path file = Files.writeString(directory.resolve("old.json"), "old");
    Path link = Files.createSymbolicLink(directory.resolve("link.json"), Path.of("old.json"));
    certificate().write(link);
    assertThat(link).isSymbolicLink();
    assertThat(Certificate.read(file)).usingRecursiveComparison().isEqualTo(certificate());
    Path toNothing = Files.createSymbolicLink(directory.resolve("a.json"), Path.of("gone.json"));
    assertThatThrownBy(() -> certificate().write(toNothing))
        .isInstanceOf(IOException.class)
        .hasMessage(toNothing + ": is not a regular file");
    assertThat(toNothing).isSymbolicLink();
  }

  /** Opening a pipe would wait for the other end, writing would put a file into its place. */
  @Test
  void aPipeIsNeitherReadNorReplaced() throws Exception {
    Path pipe = directory.resolve("pipe.json");
    try {
      assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    } catch (IOException e) {
      Assumptions.abort("no mkfifo here: " + e.getMessage());
    }
    Path link = Files.createSymbolicLink(directory.resolve("link.json"), pipe);
    for (Path file : List.of(pipe, link)) {
      assertThatThrownBy(() -> certificate().write(file))
          .isInstanceOf(IOException.class)
          .hasMessage(file + ": is not a regular file");
      assertTimeoutPreemptively(
          Duration.ofSeconds(20),
          () ->
              assertThatThrownBy(() -> Certificate.read(file))
                  .isInstanceOf(CalibrationException.class)
                  .hasMessageStartingWith(file + ": is not a regular file"));
    }
    assertThat(Files.readAttributes(pipe, BasicFileAttributes.class).isOther()).isTrue();
  }

  @Test
  void aNameMayBeAsLongAsNamesCanBe() throws IOException {
    Path file = directory.resolve("c".repeat(255));
    certificate().write(file);
    assertThat(Certificate.read(file)).usingRecursiveComparison().isEqualTo(certificate());
  }

  @Test
  void tooMuchIsRefused() throws IOException {
    Path file = directory.resolve("large.json");
    Files.write(file, new byte[(16 << 20) + 1]);
    assertThatThrownBy(() -> Certificate.read(file))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("larger than 16777216 bytes");
  }
}
