package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kernels of the peer jcuda and their PTX; {@link #main} makes it anew. */
class JCudaPtxTest {
  static final Path SOURCE = Path.of("src/main/resources/dev/offramp/runtime/bench/jcuda_peer.cu");

  private static final Path PTX = SOURCE.resolveSibling("jcuda_peer.ptx");
  private static final Pattern COMPILER = Pattern.compile("release \\S+, V\\S+");

  /** The oldest version that has sm_75, so that every driver of CUDA 12 takes it. */
  private static final String VERSION = ".version 6.3\n";

  @TempDir Path folder;

  /** Run it in the folder runtime after each change of the kernels. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("ptx");
    Files.writeString(PTX, compile(folder));
  }

  @Test
  void isMadeOfTheKernelsAsTheyAre() throws IOException {
    assertThat(Files.readString(PTX)).startsWith(firstLine());
  }

  @Test
  void isWhatNvccMakes() throws IOException, InterruptedException {
    String kept = Files.readString(PTX);
    String here = run(folder, "nvcc", "--version");
    assumeTrue(here != null, "no nvcc on the PATH; install the CUDA toolkit (no GPU is needed)");
    assumeTrue(
        version(here).equals(version(kept)),
        () -> "nvcc is %s, the PTX was made by %s".formatted(version(here), version(kept)));
    assertThat(compile(folder)).isEqualTo(kept);
    String ptx = PTX.toAbsolutePath().toString();
    for (int architecture : List.of(75, 80, 90)) {
      run(folder, "ptxas", "-arch=sm_" + architecture, "-o", "kernels.cubin", ptx);
    }
  }

  private static String compile(Path folder) throws IOException, InterruptedException {
    Files.copy(SOURCE, folder.resolve("kernels.cu"));
    // Relative paths: names of static variables may depend on them.
    run(folder, "nvcc", "-arch=compute_75", "-ptx", "-o", "kernels.ptx", "kernels.cu");
    return firstLine()
        + Files.readString(folder.resolve("kernels.ptx"))
            .replaceFirst("\\.version .*\\n", Matcher.quoteReplacement(VERSION));
  }

  private static String firstLine() throws IOException {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(SOURCE));
      return "// text SHA-256 " + HexFormat.of().formatHex(hash) + "\n";
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static String version(String text) {
    Matcher matcher = COMPILER.matcher(text);
    return matcher.find() ? matcher.group() : "";
  }

  /** What it prints, or null where there is no such program. */
  private static String run(Path folder, String... command)
      throws IOException, InterruptedException {
    Process process;
    try {
      process =
          new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    } catch (IOException e) {
      return null;
    }
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(String.join(" ", command) + ": " + output).isZero();
    return output;
  }
}
