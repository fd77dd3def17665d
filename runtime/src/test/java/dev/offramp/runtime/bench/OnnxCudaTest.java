package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is kept of ONNX Runtime's jar for CUDA. */
class OnnxCudaTest {
  private static final String FOLDER = "ai/onnxruntime/native/linux-x64/";

  @TempDir private Path folder;

  @Test
  void theLibrariesThatAreLoadedAreKept() throws IOException {
    Path jar =
        jar(
            "onnxruntime",
            "onnxruntime4j_jni",
            "onnxruntime_providers_shared",
            "onnxruntime_providers_cuda",
            "onnxruntime_providers_tensorrt");
    Path kept = folder.resolve("kept");
    OnnxCuda.unpack(jar, kept);
    assertThat(names(kept))
        .containsExactlyInAnyOrder(
            "libonnxruntime.so",
            "libonnxruntime4j_jni.so",
            "libonnxruntime_providers_cuda.so",
            "libonnxruntime_providers_shared.so");
    assertThat(kept.resolve("libonnxruntime.so")).hasContent("library onnxruntime");
  }

  @Test
  void nothingIsKeptOfAJarThatLacksOne() throws IOException {
    Path provider = jar("onnxruntime", "onnxruntime4j_jni");
    Path shared = jar("onnxruntime", "onnxruntime4j_jni", "onnxruntime_providers_cuda");
    for (Path jar : List.of(provider, shared)) {
      assertThatThrownBy(() -> OnnxCuda.unpack(jar, folder.resolve("kept")))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("is missing; fetch the jar again");
    }
    assertThat(names(folder)).allMatch(name -> name.endsWith(".jar"));
  }

  private Path jar(String... libraries) throws IOException {
    Path jar = folder.resolve(libraries.length + ".jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      for (String library : libraries) {
        zip.putNextEntry(new ZipEntry(FOLDER + System.mapLibraryName(library)));
        zip.write(("library " + library).getBytes(StandardCharsets.UTF_8));
      }
    }
    return jar;
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
