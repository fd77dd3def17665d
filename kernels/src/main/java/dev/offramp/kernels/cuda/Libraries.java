package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What of CUDA is installed.
 *
 * @param cuda an initialised driver
 * @param driverVersion CUDA version the driver supports, 13000 for 13.0
 * @param nvrtc null where kernels come from PTX
 * @param cublasLt null where it was not found
 */
record Libraries(Cuda cuda, int driverVersion, Nvrtc nvrtc, CublasLtLibrary cublasLt) {
  /** A file to be loaded in place of libcuda; for tests. */
  private static final String LIBRARY_PROPERTY = "offramp.cuda.library";

  /** Where kernels come from: ptx or nvrtc; NVRTC where it was found, if not set. */
  private static final String MODULES_PROPERTY = "offramp.cuda.modules";

  /**
   * Looks for the driver and then for NVRTC and cuBLASLt.
   *
   * @throws DeviceException that says why CUDA cannot be used
   */
  static Libraries find() {
    String file = System.getProperty(LIBRARY_PROPERTY);
    List<Path> folders = Library.cudaFolders();
    Library library = file == null ? Library.find(Cuda.NAMES, folders) : load(file);
    if (library == null) {
      throw new DeviceException(
          "No CUDA driver was found (tried %s); install the NVIDIA driver"
              .formatted(String.join(", ", Cuda.NAMES)));
    }
    Cuda cuda = new Cuda(library);
    int version = start(cuda);
    String modules = System.getProperty(MODULES_PROPERTY, "");
    Nvrtc nvrtc = modules.equals("ptx") ? null : Nvrtc.find(version / 1000, folders);
    if (modules.equals("nvrtc") && nvrtc == null) {
      throw new DeviceException(
          "-D%s=nvrtc is set, but NVRTC was not found (tried %s)"
              .formatted(MODULES_PROPERTY, String.join(", ", Nvrtc.names(version / 1000))));
    }
    return new Libraries(cuda, version, nvrtc, CublasLtLibrary.find(version / 1000, folders));
  }

  /**
   * Initialises the driver.
   *
   * @return the CUDA version it supports
   * @throws DeviceException if it cannot be used
   */
  static int start(Cuda cuda) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      check(cuda, "cuDriverGetVersion", cuda.driverGetVersion.call(out));
      int version = out.get(ValueLayout.JAVA_INT, 0);
      if (version < Cuda.OLDEST_DRIVER) {
        throw new DeviceException(
            "The CUDA driver is too old: it supports CUDA %s, needed is %s or later; update the"
                    .formatted(text(version), text(Cuda.OLDEST_DRIVER))
                + " NVIDIA driver");
      }
      check(cuda, "cuInit", cuda.init.call(0));
      return version;
    }
  }

  static void check(Cuda cuda, String call, int code) {
    if (code != Cuda.SUCCESS) {
      throw new DeviceException(cuda.error(call, code));
    }
  }

  /** A version as people write it: 13.0 for 13000. */
  static String text(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /**
   * Names of a library's versions, newest first: of CUDA 13, 12 and 11, none after the driver's.
   */
  @SafeVarargs
  static List<String> upTo(int driverMajor, List<String>... names) {
    List<String> result = new ArrayList<>();
    for (int i = Math.max(0, 13 - driverMajor); i < names.length; i++) {
      result.addAll(names[i]);
    }
    return result;
  }

  private static Library load(String file) {
    try {
      return Library.load(Path.of(file));
    } catch (IllegalArgumentException e) {
      throw new DeviceException(
          "-D%s names %s, which cannot be loaded".formatted(LIBRARY_PROPERTY, file), e);
    }
  }
}
