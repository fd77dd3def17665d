package dev.offramp.runtime.bench;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.providers.OrtCUDAProviderOptions;
import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.TemporaryFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.function.Function;

/**
 * ONNX Runtime's execution provider for CUDA. It comes in a build of ONNX Runtime of its own, whose
 * classes are those of the other: its native libraries alone are needed beside them.
 */
public final class OnnxCuda {
  /** ONNX Runtime looks into the folder that it names before it looks into its jar. */
  private static final String NATIVES = "onnxruntime.native.path";

  private static final String PROVIDER = System.mapLibraryName("onnxruntime_providers_cuda");

  private OnnxCuda() {}

  /**
   * Makes sure, before ONNX Runtime is loaded, that it will be the build with the provider: the one
   * in the folder that the system property {@value #NATIVES} names or on the class path, else one
   * that is fetched once and kept.
   *
   * @param jars finds or fetches the jar of an artifact
   * @throws InputException if it cannot be had, or there is none for this machine
   */
  public static void require(Function<MavenArtifact, Path> jars) {
    if (System.getProperty(NATIVES) != null || onClassPath()) {
      return;
    }
    String version = OrtEnvironment.class.getPackage().getImplementationVersion();
    Path kept = Cache.directory().resolve("onnxruntime-gpu-" + version);
    if (!Files.isDirectory(kept)) {
      MavenArtifact artifact =
          new MavenArtifact("com.microsoft.onnxruntime", "onnxruntime_gpu", version, "");
      Console.say(
          "%s: needs the build for CUDA, some 600 MB, and keeps it in %s", OnnxMode.CUDA, kept);
      Cache.make();
      unpack(jars.apply(artifact), kept);
    }
    System.setProperty(NATIVES, kept.toString());
  }

  private static boolean onClassPath() {
    return OnnxCuda.class.getResource("/ai/onnxruntime/native/" + platform() + "/" + PROVIDER)
        != null;
  }

  /** As ONNX Runtime's jars name it; the provider is built for these two only. */
  private static String platform() {
    return PROVIDER.endsWith(".dll") ? "win-x64" : "linux-x64";
  }

  /** Puts the libraries that a session with the provider loads into a folder, all or none. */
  static void unpack(Path jar, Path target) {
    String provider =
        MavenArtifact.entries(jar, "/" + platform() + "/" + PROVIDER).stream()
            .findFirst()
            .orElseThrow(() -> InputException.in(jar, PROVIDER, "is missing; fetch the jar again"));
    String folder = provider.substring(0, provider.length() - PROVIDER.length());
    try (TemporaryFolder temporary = TemporaryFolder.in(target.getParent())) {
      for (String name :
          List.of(
              "onnxruntime",
              "onnxruntime4j_jni",
              "onnxruntime_providers_shared",
              "onnxruntime_providers_cuda")) {
        String library = System.mapLibraryName(name);
        MavenArtifact.extract(jar, folder + library, temporary.path().resolve(library));
      }
      Files.move(temporary.path(), target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot keep " + target, e);
    }
  }

  /**
   * Has a session compute on a card.
   *
   * @throws InputException if ONNX Runtime cannot
   */
  static void add(OnnxTarget.Card card, OrtSession.SessionOptions options) {
    try (OrtCUDAProviderOptions cuda = new OrtCUDAProviderOptions(card.number())) {
      // By itself it computes products of F32 in TF32.
      cuda.add("use_tf32", card.tf32() ? "1" : "0");
      options.addCUDA(cuda);
    } catch (OrtException e) {
      throw InputException.in(
          null,
          "--against " + OnnxMode.CUDA,
          ("ONNX Runtime cannot compute on cuda:%d (%s); it needs NVIDIA's driver and, where"
                  + " LD_LIBRARY_PATH leads, CUDA 12's libcudart.so.12, libcublas.so.12,"
                  + " libcublasLt.so.12 and libcurand.so.10, and cuDNN's libcudnn.so.9")
              .formatted(card.number(), e.getMessage().lines().findFirst().orElse("")));
    }
  }
}
