package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.cuda.Libraries.Part;
import dev.offramp.kernels.gpu.KernelSources;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** fakecuda.c, built by gcc and loaded in place of NVIDIA's libraries. */
final class FakeCuda {
  static final String PTX = ".version 0.0 of a test";

  private static final int TEXT_BYTES = 1 << 16;
  private static Library library;

  private FakeCuda() {}

  /** A driver as freshly installed, with one device; skips the test where there is no gcc. */
  static synchronized void reset() {
    if (library == null) {
      library = build();
    }
    library.function("fake_reset", "").call();
  }

  private static Library build() {
    try {
      Path file = Files.createTempDirectory("fakecuda").resolve("libfakecuda.so");
      file.toFile().deleteOnExit();
      file.getParent().toFile().deleteOnExit();
      compile(file);
      return Library.load(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Builds the library; skips the test where there is no gcc. */
  static void compile(Path file) {
    try {
      Process gcc =
          new ProcessBuilder(
                  "gcc",
                  "-std=gnu11",
                  "-Wall",
                  "-Werror",
                  "-shared",
                  "-fPIC",
                  "-O1",
                  "-o",
                  file.toString(),
                  "src/test/c/fakecuda.c")
              .inheritIO()
              .start();
      assertThat(gcc.waitFor()).as("exit code of gcc").isZero();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } catch (IOException e) {
      assumeTrue(false, "gcc cannot be started, so the CUDA bindings are not tested: " + e);
      throw new UncheckedIOException(e);
    }
  }

  static Library library() {
    return library;
  }

  static Cuda cuda() {
    return new Cuda(library);
  }

  /** Everything is installed, and cuBLASLt not asked for. */
  static Libraries installed() {
    return libraries(
        new Part<>(new Nvrtc(library), "NVRTC is there."), new Part<>(null, "cuBLASLt is there."));
  }

  /** Everything is installed, and cuBLASLt asked for. */
  static Libraries withCublasLt() {
    Part<Nvrtc> nvrtc = installed().compiler();
    return libraries(nvrtc, new Part<>(new CublasLtLibrary(library), "cuBLASLt is there."));
  }

  /** The driver alone is installed. */
  static Libraries driverOnly() {
    return driverOnly(KernelSources.PTX_VERSION);
  }

  /** The same with kernels in PTX of that version. */
  static Libraries driverOnly(String ptxVersion) {
    Libraries now =
        libraries(
            new Part<>(null, "NVRTC is not there."), new Part<>(null, "cuBLASLt is not there."));
    return new Libraries(
        now.cuda(), now.driverVersion(), ptxVersion, now.compiler(), now.products());
  }

  private static Libraries libraries(Part<Nvrtc> nvrtc, Part<CublasLtLibrary> cublasLt) {
    Cuda cuda = cuda();
    int version = Libraries.start(cuda);
    return new Libraries(cuda, version, KernelSources.PTX_VERSION, nvrtc, cublasLt);
  }

  static CudaDriver open(Libraries libraries, Precision precision) {
    Properties properties = Properties.of(libraries.cuda(), 0);
    Extras extras = Extras.of(libraries, properties.capability(), precision);
    Program program = new Program("", () -> PTX, extras);
    return open(libraries, new DeviceOptions(1, precision, null), program);
  }

  static CudaDriver open(Libraries libraries, DeviceOptions options, Program program) {
    return new CudaDriver(libraries, Properties.of(libraries.cuda(), 0), options, program);
  }

  static void set(String name, int value) {
    try (Arena arena = Arena.ofConfined()) {
      assertThat(library.function("fake_set", "pi").call(arena.allocateFrom(name), value)).isZero();
    }
  }

  /** The n-th call of that name from now on returns the code. */
  static void fail(String name, int n, int code) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      assertThat(library.function("fake_fail", "pii").call(text, n, code)).isZero();
    }
  }

  /** What was called since the last look. */
  static List<String> log() {
    return text("fake_log").lines().toList();
  }

  /** What has been created and not freed, or an empty text. */
  static String alive() {
    return library == null ? "" : text("fake_alive");
  }

  private static String text(String function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(TEXT_BYTES);
      library.function(function, "pi").call(text, TEXT_BYTES);
      return text.getString(0);
    }
  }
}
