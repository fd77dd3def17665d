package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** NVIDIA's run-time compiler. */
final class Nvrtc {
  private static final List<String> ERRORS =
      List.of(
          "SUCCESS",
          "OUT_OF_MEMORY",
          "PROGRAM_CREATION_FAILURE",
          "INVALID_INPUT",
          "INVALID_PROGRAM",
          "INVALID_OPTION",
          "COMPILATION",
          "BUILTIN_OPERATION_FAILURE",
          "NO_NAME_EXPRESSIONS_AFTER_COMPILATION",
          "NO_LOWERED_NAMES_BEFORE_COMPILATION",
          "NAME_EXPRESSION_NOT_VALID",
          "INTERNAL_ERROR");

  private static final int BUILTIN_OPERATION_FAILURE = 7;

  private final Library library;
  private final String version;

  /** Asks the library's version; needs no device. */
  Nvrtc(Library library) {
    this.library = library;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, 2);
      check("nvrtcVersion", library.function("nvrtcVersion", "pp").call(out, out.asSlice(4)));
      version =
          out.getAtIndex(ValueLayout.JAVA_INT, 0) + "." + out.getAtIndex(ValueLayout.JAVA_INT, 1);
    }
  }

  /** A driver cannot load what a compiler of a newer CUDA has made. */
  static List<String> names(int driverMajor) {
    return Libraries.upTo(
        driverMajor,
        List.of("libnvrtc.so.13", "nvrtc64_130_0.dll"),
        List.of("libnvrtc.so.12", "nvrtc64_120_0.dll"),
        List.of("libnvrtc.so.11.2", "nvrtc64_112_0.dll", "libnvrtc.so"));
  }

  /** Such as 13.0. */
  String version() {
    return version;
  }

  int major() {
    return Integer.parseInt(version.substring(0, version.indexOf('.')));
  }

  /** What the compiler is told to compile for: the device itself, or the newest it knows of. */
  String architecture(int capability) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      check(
          "nvrtcGetNumSupportedArchs",
          library.function("nvrtcGetNumSupportedArchs", "p").call(out));
      int count = out.get(ValueLayout.JAVA_INT, 0);
      MemorySegment known = arena.allocate(ValueLayout.JAVA_INT, Math.max(1, count));
      check("nvrtcGetSupportedArchs", library.function("nvrtcGetSupportedArchs", "p").call(known));
      int newest = 0;
      for (int i = 0; i < count; i++) {
        int architecture = known.getAtIndex(ValueLayout.JAVA_INT, i);
        if (architecture <= capability) {
          newest = Math.max(newest, architecture);
        }
      }
      return newest == capability ? "sm_" + capability : "compute_" + newest;
    }
  }

  /**
   * Compiles a program.
   *
   * @param architecture from {@link #architecture}
   * @return a cubin, or PTX that ends in a zero byte where the architecture is a virtual one
   * @throws DeviceException with the compiler's log
   */
  byte[] compile(String text, String architecture) {
    boolean ptx = architecture.startsWith("compute_");
    loadBuiltins();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      check(
          "nvrtcCreateProgram",
          library
              .function("nvrtcCreateProgram", "pppipp")
              .call(
                  out,
                  arena.allocateFrom(text),
                  arena.allocateFrom("offramp.cu"),
                  0,
                  MemorySegment.NULL,
                  MemorySegment.NULL));
      long program = out.get(ValueLayout.JAVA_LONG, 0);
      try {
        MemorySegment options = arena.allocate(ValueLayout.ADDRESS, 2);
        options.setAtIndex(
            ValueLayout.ADDRESS, 0, arena.allocateFrom("--gpu-architecture=" + architecture));
        options.setAtIndex(ValueLayout.ADDRESS, 1, arena.allocateFrom("--std=c++17"));
        int code = library.function("nvrtcCompileProgram", "lip").call(program, 2, options);
        if (code != 0) {
          throw new DeviceException(
              "%s for %s; %s%s"
                  .formatted(
                      error("nvrtcCompileProgram", code),
                      architecture,
                      code == BUILTIN_OPERATION_FAILURE
                          ? "install libnvrtc-builtins of NVRTC %s beside it; ".formatted(version)
                          : "",
                      "its log: "
                          + new String(
                                  bytes("nvrtcGetProgramLog", program, out), StandardCharsets.UTF_8)
                              .trim()));
        }
        return bytes(ptx ? "nvrtcGetPTX" : "nvrtcGetCUBIN", program, out);
      } finally {
        out.set(ValueLayout.JAVA_LONG, 0, program);
        library.function("nvrtcDestroyProgram", "p").call(out);
      }
    }
  }

  /**
   * NVRTC opens its builtins by their bare name. Where it was loaded from a folder in which the
   * system does not look, neither does it; but what is loaded already is found by its name.
   */
  private void loadBuiltins() {
    Path beside = Path.of(library.name()).resolveSibling("libnvrtc-builtins.so." + version);
    if (Files.exists(beside)) {
      try {
        Library.load(beside);
      } catch (IllegalArgumentException notLoadable) {
        // Compiling then says what is the matter.
      }
    }
  }

  private byte[] bytes(String function, long program, MemorySegment out) {
    check(function + "Size", library.function(function + "Size", "lp").call(program, out));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.max(1, out.get(ValueLayout.JAVA_LONG, 0)));
      check(function, library.function(function, "lp").call(program, bytes));
      return bytes.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static void check(String call, int code) {
    if (code != 0) {
      throw new DeviceException(error(call, code));
    }
  }

  private static String error(String call, int code) {
    return "%s failed: NVRTC_ERROR_%s (%d)"
        .formatted(call, code < ERRORS.size() ? ERRORS.get(code) : "OTHER", code);
  }
}
