package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MavenArtifactTest {
  @TempDir Path temp;

  @Test
  void parsesCoordinates() {
    assertThat(MavenArtifact.parse("org.x:y-z:1.0"))
        .isEqualTo(new MavenArtifact("org.x", "y-z", "1.0", ""))
        .hasToString("org.x:y-z:1.0");
    assertThat(MavenArtifact.parse("org.x:y:1.0:sources"))
        .isEqualTo(new MavenArtifact("org.x", "y", "1.0", "sources"))
        .hasToString("org.x:y:1.0:sources");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "a:b",
        "a::c",
        "a:b:c:d:e",
        "a:b:..",
        "a:b/c:1",
        "a:..b:1",
        "a b:c:1",
        "a:b:1\n"
      })
  void refusesAnythingElse(String coordinates) {
    assertThatThrownBy(() -> MavenArtifact.parse(coordinates))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not group:artifact:version[:classifier]");
  }

  @Test
  void looksOnTheClassPathThenInTheRepository() throws IOException {
    assertThat(MavenArtifact.parse(TestModels.MINILM_INT8).locate()).isRegularFile();
    MavenArtifact artifact = MavenArtifact.parse("org.x:y:1.0:sources");
    Path jar = temp.resolve("org/x/y/1.0/y-1.0-sources.jar");
    TestModels.withRepository(
        temp,
        () -> {
          assertThat(artifact.find()).isEmpty();
          assertThatThrownBy(artifact::locate)
              .isInstanceOf(InputException.class)
              .hasMessageContaining("-Dartifact=org.x:y:1.0:jar:sources");
        });
    Files.createDirectories(jar.getParent());
    Files.createFile(jar);
    TestModels.withRepository(temp, () -> assertThat(artifact.find()).contains(jar));
  }

  /** Groups may give their artifacts the same name. */
  @Test
  void theGroupMattersOnTheClassPathToo() throws IOException {
    String classPath = System.getProperty("java.class.path");
    Path flat = temp.resolve("lib/y-1.0.jar");
    Path laidOut = temp.resolve("repo/org/x/y/1.0/y-1.0.jar");
    Files.createDirectories(flat.getParent());
    Files.createDirectories(laidOut.getParent());
    writeJar(flat, "META-INF/maven/org.z/y/pom.properties");
    writeJar(laidOut, "README");
    System.setProperty("java.class.path", flat + File.pathSeparator + laidOut);
    try {
      TestModels.withRepository(
          temp.resolve("none"),
          () -> {
            assertThat(MavenArtifact.parse("org.x:y:1.0").find()).contains(laidOut);
            assertThat(MavenArtifact.parse("org.z:y:1.0").find()).contains(flat);
            assertThat(MavenArtifact.parse("org.q:y:1.0").find()).isEmpty();
          });
    } finally {
      System.setProperty("java.class.path", classPath);
    }
  }

  private static void writeJar(Path jar, String entry) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry(entry));
    }
  }

  @Test
  void unpacksEntries() throws IOException {
    Path jar = MavenArtifact.parse(TestModels.MINILM_INT8).locate();
    assertThat(MavenArtifact.entries(jar, "tokenizer.json"))
        .containsExactly("all-minilm-l6-v2-q-tokenizer.json");
    Path target = temp.resolve("README");
    MavenArtifact.extract(jar, "README", target);
    assertThat(target).isNotEmptyFile();
    assertThatThrownBy(() -> MavenArtifact.extract(jar, "nothing", temp.resolve("x")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("nothing: is missing");
    Path broken = Files.writeString(temp.resolve("broken.jar"), "no zip");
    assertThatThrownBy(() -> MavenArtifact.entries(broken, ".onnx"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("broken.jar: cannot be read");
  }
}
