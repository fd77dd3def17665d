package dev.offramp.kernels.gpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * NVIDIA's compiler.
 *
 * @param version its release and version as PTX names them
 */
record Nvcc(String version) {
  static final String ABSENT = "no nvcc on the PATH; install the CUDA toolkit (no GPU is needed)";

  /** How many compilers run at a time. */
  private static final int AT_A_TIME = 2;

  private static final String SOURCE = "kernels.cu";
  private static final String PTX = "kernels.ptx";
  private static final Pattern USE =
      Pattern.compile(
          "Function properties for (\\S+)"
              + "\\s+(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads"
              + "(?:\\s+ptxas info\\s*: Used (\\d+) registers(?:.*?, (\\d+) bytes smem)?)?");

  /**
   * What a kernel takes, or a function that was not inlined.
   *
   * @param registers of each thread; 0 for a function
   * @param sharedBytes of a block, as declared in the kernel
   * @param stackBytes of each thread, in local memory; spills are a part of them
   * @param spillBytes stored and loaded
   */
  record Use(String kernel, int registers, int sharedBytes, int stackBytes, int spillBytes) {}

  /** The compiler on the PATH, if any. */
  static Optional<Nvcc> find() {
    String output;
    try {
      output = run(null, "nvcc", "--version");
    } catch (UncheckedIOException absent) {
      return Optional.empty();
    }
    return Optional.of(
        new Nvcc(
            Ptx.compiler(output)
                .orElseThrow(
                    () -> new IllegalStateException("nvcc --version names none: " + output))));
  }

  /**
   * The program as PTX. Its text and the compiler's version alone determine it. Where it is kept it
   * is for older drivers than the compiler's too.
   */
  String ptx(Ptx.Program program) {
    return compile(
        SOURCE,
        program.text(),
        folder -> {
          // Relative paths: names of static variables may depend on them.
          run(
              folder,
              "nvcc",
              "-arch=compute_" + name(program),
              "-std=c++17",
              "-ptx",
              "-o",
              PTX,
              SOURCE);
          String made = Files.readString(folder.resolve(PTX));
          boolean kept = KernelSources.CAPABILITIES.contains(program.architecture());
          return Ptx.withHash(program.text(), kept ? Ptx.withVersion(made) : made);
        });
  }

  /** The architecture as nvcc calls it; 9.0 with what its successors do not have. */
  private static String name(Ptx.Program program) {
    return program.architecture() == 90 ? "90a" : Integer.toString(program.architecture());
  }

  /** Assembles PTX for its architecture. */
  List<Use> use(Ptx.Program program, String ptx) {
    String output =
        compile(
            PTX,
            ptx,
            folder ->
                run(
                    folder,
                    "nvcc",
                    "-arch=sm_" + name(program),
                    "-cubin",
                    "-Xptxas",
                    "-v",
                    "-o",
                    "kernels.cubin",
                    PTX));
    return USE.matcher(output).results().map(Nvcc::use).toList();
  }

  private static Use use(MatchResult found) {
    return new Use(
        found.group(1),
        number(found.group(5)),
        number(found.group(6)),
        number(found.group(2)),
        number(found.group(3)) + number(found.group(4)));
  }

  private static int number(String digits) {
    return digits == null ? 0 : Integer.parseInt(digits);
  }

  /** What each of the programs gives, some made at a time. */
  static <R> Map<Ptx.Program, R> each(List<Ptx.Program> programs, Function<Ptx.Program, R> maker) {
    Map<Ptx.Program, CompletableFuture<R>> made = new LinkedHashMap<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(AT_A_TIME)) {
      for (Ptx.Program program : programs) {
        made.put(program, CompletableFuture.supplyAsync(() -> maker.apply(program), threads));
      }
    }
    Map<Ptx.Program, R> results = new LinkedHashMap<>();
    made.forEach((program, result) -> results.put(program, result.join()));
    return results;
  }

  private interface Step {
    String in(Path folder) throws IOException;
  }

  private static String compile(String file, String content, Step step) {
    try {
      Path folder = Files.createTempDirectory("offramp-nvcc");
      try {
        Files.writeString(folder.resolve(file), content);
        return step.in(folder);
      } finally {
        try (var files = Files.list(folder)) {
          for (Path left : files.toList()) {
            Files.delete(left);
          }
        }
        Files.delete(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * @return what it printed
   * @throws UncheckedIOException if there is no such command
   */
  private static String run(Path folder, String... command) {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeAll(List.of("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS"));
    if (folder != null) {
      builder.directory(folder.toFile());
    }
    try {
      Process process = builder.start();
      String output = new String(process.getInputStream().readAllBytes());
      if (process.waitFor() != 0) {
        throw new IllegalStateException(
            Arrays.toString(command) + " ended with " + process.exitValue() + ": " + output);
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(command[0] + " was interrupted", e);
    }
  }
}
