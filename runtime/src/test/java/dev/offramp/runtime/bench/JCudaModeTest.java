package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.offramp.kernels.cuda.CudaDevices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What {@link JCudaCheck} finds, in a JVM that finds libcuda.so.1 and libcublas.so.12 by itself.
 */
class JCudaModeTest {
  private static final int CHECKS = 3 * 5 + 2;

  @TempDir Path folder;

  @BeforeEach
  void requireNatives() {
    assumeTrue(
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64"),
        "JCuda's native libraries are fetched for Linux on x86-64 only");
  }

  /** The peer's own kernels and calls, with real numbers. */
  @Test
  void computesWhatTheEngineDoesOnAProcessorThatPlaysTheGpu()
      throws IOException, InterruptedException {
    Path library = folder.resolve("libcuda.so.1");
    Process compiler;
    try {
      compiler =
          new ProcessBuilder(
                  "g++",
                  "-std=c++17",
                  "-Wall",
                  "-Wno-unknown-pragmas",
                  "-Werror",
                  "-shared",
                  "-fPIC",
                  "-O2",
                  "-U_FORTIFY_SOURCE", // Its longjmp takes a switch of stacks for an error.
                  "-fvisibility=hidden",
                  // Once it is loaded it is cuBLAS too, with its version at the symbols.
                  "-Wl,-soname,libcublas.so.12",
                  "-Wl,--default-symver",
                  "-o",
                  library.toString(),
                  "src/test/c/fakegpu.cpp")
              .inheritIO()
              .start();
    } catch (IOException e) {
      assumeTrue(false, "no g++ on the PATH, so the peer jcuda is not run: " + e);
      return;
    }
    assertThat(compiler.waitFor()).as("exit code of g++").isZero();
    Ran ran = run(folder.toString());
    assertThat(ran.code).as(ran.lines.toString()).isZero();
    assertThat(ran.lines)
        .contains("ok   everything is freed", "all passed")
        .filteredOn(line -> line.startsWith("ok   "))
        .hasSize(CHECKS + 1);
  }

  @Test
  void computesWhatTheEngineDoesOnTheGpu() throws IOException, InterruptedException {
    assumeTrue(CudaDevices.probe().getFirst().accepted(), "no CUDA device here");
    Ran ran = run(null);
    assumeTrue(ran.code != 2, () -> "no cuBLAS of CUDA 12 here: " + ran.lines);
    assertThat(ran.code).as(ran.lines.toString()).isZero();
    assertThat(ran.lines).filteredOn(line -> line.startsWith("ok   ")).hasSize(CHECKS);
  }

  private record Ran(int code, List<String> lines) {}

  /**
   * Runs the checks in a JVM.
   *
   * @param libraries folder where the system looks for libraries first, or null
   */
  private Ran run(String libraries) throws IOException, InterruptedException {
    Path out = folder.resolve("out");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.io.tmpdir=" + folder, // JCuda unpacks its libraries there, and leaves them.
            "-cp",
            System.getProperty("java.class.path"),
            JCudaCheck.class.getName(),
            Files.createDirectory(folder.resolve("models")).toString());
    if (libraries != null) {
      builder.environment().put("LD_LIBRARY_PATH", libraries);
    }
    Process process = builder.redirectErrorStream(true).redirectOutput(out.toFile()).start();
    if (!process.waitFor(120, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
    return new Ran(process.waitFor(), Files.readAllLines(out));
  }
}
