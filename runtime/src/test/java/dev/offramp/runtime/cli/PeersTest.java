package dev.offramp.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which ONNX files a bench runs against; where jars come from is played by the test. */
class PeersTest {
  @TempDir private Path folder;
  private final List<MavenArtifact> asked = new ArrayList<>();

  @ParameterizedTest
  @ValueSource(strings = {"org.x:mini:1.0", "org.x:mini-q:1.0"})
  void theArtifactIsThatOfTheEncoder(String source) throws IOException {
    SequencedMap<String, Path> files = files(source, true);
    assertThat(asked)
        .containsExactly(
            MavenArtifact.parse("org.x:mini:1.0"), MavenArtifact.parse("org.x:mini-q:1.0"));
    assertThat(files.sequencedKeySet()).containsExactly("onnxruntime", "onnxruntime-int8");
    assertThat(files.get("onnxruntime")).hasContent("graph of mini");
    assertThat(files.get("onnxruntime-int8")).hasContent("graph of mini-q");
  }

  @Test
  void withoutAnInt8SiblingThereIsNoInt8Peer() throws IOException {
    assertThat(files("org.x:mini:1.0:linux", false).sequencedKeySet())
        .containsExactly("onnxruntime");
    assertThat(asked).first().isEqualTo(MavenArtifact.parse("org.x:mini:1.0:linux"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "org.x:mini:1.0 + exits.safetensors",
        "org.x:mini-q:1.0 + exits - a: b.safetensors"
      })
  void withAnAdapterTheFp32PeerIsWrittenFromTheModelDirectory(String source) throws IOException {
    SequencedMap<String, Path> files = files(source, true);
    assertThat(asked).containsExactly(MavenArtifact.parse("org.x:mini-q:1.0"));
    assertThat(files.sequencedKeySet()).containsExactly("onnxruntime", "onnxruntime-int8");
    assertThat(files.get("onnxruntime")).hasFileName("exported-from-the-model-directory.onnx");
    assertThat(files.get("onnxruntime-int8")).hasContent("graph of mini-q");
  }

  @Test
  void withoutAnArtifactTheFp32PeerIsWrittenFromTheModelDirectory() throws IOException {
    SequencedMap<String, Path> files = files("model.safetensors + exits.safetensors", true);
    assertThat(asked).isEmpty();
    assertThat(files.sequencedKeySet()).containsExactly("onnxruntime");
    assertThat(files.get("onnxruntime")).isNotEmptyFile();
  }

  /** A graphics card's compute units are multiprocessors, 132 of them on some. */
  @Test
  void threadsAreThoseOfTheProcessor() {
    assertThat(Peers.threads(device("jvm", 3))).isEqualTo(3);
    assertThat(Peers.threads(device("cuda:99", 100_000)))
        .isEqualTo(Runtime.getRuntime().availableProcessors());
  }

  private static DeviceInfo device(String id, int computeUnits) {
    return new DeviceInfo(id, "played", 1 << 30, computeUnits, Precision.F32, "");
  }

  private SequencedMap<String, Path> files(String source, boolean quantized) throws IOException {
    Path path = TinyModel.write(folder.resolve("model"), 31);
    Path config = path.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("random, seed 31", source));
    Path unpacked = Files.createDirectories(folder.resolve("unpacked"));
    try (ModelDirectory model = ModelDirectory.open(path)) {
      return Peers.files(
          model,
          unpacked,
          artifact -> {
            asked.add(artifact);
            if (artifact.artifact().endsWith("-q") && !quantized) {
              throw InputException.in(null, artifact.toString(), "could not be fetched; really");
            }
            return jar(artifact);
          });
    }
  }

  private Path jar(MavenArtifact artifact) {
    Path jar = folder.resolve(artifact.artifact() + ".jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry("m.onnx"));
      zip.write(("graph of " + artifact.artifact()).getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return jar;
  }
}
