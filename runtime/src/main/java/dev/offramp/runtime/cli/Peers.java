package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.io.MavenFetch;
import java.nio.file.Path;
import java.util.List;

/** ONNX files of the network that a model directory was imported from. */
final class Peers {
  private static final String QUANTIZED = "-q:";

  private Peers() {}

  /**
   * The fp32 file, then the int8 one if the artifact has such a sibling.
   *
   * @param onnx file that the user named, or null
   * @param folder an empty folder to unpack artifacts to
   */
  static List<Path> onnxFiles(ModelDirectory model, Path onnx, Path folder) {
    try {
      Class.forName("ai.onnxruntime.OrtEnvironment");
    } catch (ClassNotFoundException e) {
      throw InputException.in(
          null,
          "--against onnxruntime",
          "ONNX Runtime is not on the class path; start with the offramp launcher, which adds it");
    }
    if (onnx != null) {
      return List.of(onnx);
    }
    String source = model.config().source();
    if (source == null || !MavenArtifact.looksLike(source)) {
      throw InputException.in(
          model.path().resolve(ModelDirectory.CONFIG),
          "$.source",
          "not a Maven artifact with an ONNX file; name the file with --onnx");
    }
    int version = source.lastIndexOf(':');
    String artifact = source.substring(0, version);
    String fp32 =
        (source.contains(QUANTIZED) ? artifact.substring(0, artifact.length() - 2) : artifact)
            + source.substring(version);
    String int8 =
        fp32.substring(0, fp32.lastIndexOf(':'))
            + QUANTIZED
            + fp32.substring(fp32.lastIndexOf(':') + 1);
    return List.of(extract(fp32, folder), extract(int8, folder));
  }

  private static Path extract(String coordinate, Path folder) {
    Path jar = MavenFetch.jar(coordinate);
    String entry =
        MavenArtifact.entries(jar, ".onnx").stream()
            .findFirst()
            .orElseThrow(
                () -> InputException.in(jar, null, "holds no .onnx file; name one with --onnx"));
    Path file = folder.resolve(jar.getFileName() + ".onnx");
    MavenArtifact.extract(jar, entry, file);
    return file;
  }
}
