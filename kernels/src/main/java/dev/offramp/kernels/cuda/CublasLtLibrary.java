package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** The functions of cuBLASLt that Offramp calls, and the names of its errors. */
final class CublasLtLibrary {
  final NativeFunction create;
  final NativeFunction destroy;
  final NativeFunction descCreate;
  final NativeFunction descDestroy;
  final NativeFunction descSetAttribute;
  final NativeFunction layoutCreate;
  final NativeFunction layoutDestroy;
  final NativeFunction preferenceCreate;
  final NativeFunction preferenceDestroy;
  final NativeFunction preferenceSetAttribute;
  final NativeFunction heuristic;
  final NativeFunction matmul;
  private final String version;

  /** Asks the library's version; needs no device. */
  CublasLtLibrary(Library library) {
    create = library.function("cublasLtCreate", "p");
    destroy = library.function("cublasLtDestroy", "l");
    descCreate = library.function("cublasLtMatmulDescCreate", "pii");
    descDestroy = library.function("cublasLtMatmulDescDestroy", "l");
    descSetAttribute = library.function("cublasLtMatmulDescSetAttribute", "lipl");
    layoutCreate = library.function("cublasLtMatrixLayoutCreate", "pilll");
    layoutDestroy = library.function("cublasLtMatrixLayoutDestroy", "l");
    preferenceCreate = library.function("cublasLtMatmulPreferenceCreate", "p");
    preferenceDestroy = library.function("cublasLtMatmulPreferenceDestroy", "l");
    preferenceSetAttribute = library.function("cublasLtMatmulPreferenceSetAttribute", "lipl");
    heuristic = library.function("cublasLtMatmulAlgoGetHeuristic", "lllllllipp");
    matmul = library.function("cublasLtMatmul", "llpllllpllllplll");
    NativeFunction property = library.function("cublasLtGetProperty", "ip");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      int[] parts = new int[2];
      for (int part = 0; part < parts.length; part++) {
        check("cublasLtGetProperty", property.call(part, out));
        parts[part] = out.get(ValueLayout.JAVA_INT, 0);
      }
      version = parts[0] + "." + parts[1];
    }
  }

  /** Of the driver's CUDA version or of an older one. */
  static List<String> names(int driverMajor) {
    return Libraries.upTo(
        driverMajor,
        List.of("libcublasLt.so.13", "cublasLt64_13.dll"),
        List.of("libcublasLt.so.12", "cublasLt64_12.dll"),
        List.of("libcublasLt.so.11", "cublasLt64_11.dll"));
  }

  /** Such as 13.1. */
  String version() {
    return version;
  }

  static void check(String call, int code) {
    if (code != 0) {
      throw new DeviceException(error(call, code));
    }
  }

  static String error(String call, int code) {
    String name =
        switch (code) {
          case 1 -> "NOT_INITIALIZED";
          case 3 -> "ALLOC_FAILED";
          case 7 -> "INVALID_VALUE";
          case 8 -> "ARCH_MISMATCH";
          case 11 -> "MAPPING_ERROR";
          case 13 -> "EXECUTION_FAILED";
          case 14 -> "INTERNAL_ERROR";
          case 15 -> "NOT_SUPPORTED";
          case 16 -> "LICENSE_ERROR";
          default -> "OTHER";
        };
    return "%s failed: CUBLAS_STATUS_%s (%d)".formatted(call, name, code);
  }
}
