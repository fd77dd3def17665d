package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.gpu.KernelSources;
import dev.offramp.kernels.gpu.Products;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * What of CUDA is installed.
 *
 * @param cuda an initialised driver
 * @param driverVersion CUDA version the driver supports, 13000 for 13.0
 * @param ptxVersion of the PTX that kernels come from without a compiler, such as 7.4
 * @param compiler NVRTC
 * @param products cuBLASLt, which is opened only where it is asked for
 */
record Libraries(
    Cuda cuda,
    int driverVersion,
    String ptxVersion,
    Part<Nvrtc> compiler,
    Part<CublasLtLibrary> products) {
  /**
   * A library that CUDA can be used without.
   *
   * @param library null if it is not used
   * @param said whether it was found and where, in a sentence
   * @param note what whoever opens a device must know of its absence, or an empty text
   */
  record Part<T>(T library, Supplier<String> said, String note) {
    Part(T library, String said) {
      this(library, () -> said, "");
    }

    /** One that cannot be had although it is wanted. */
    static <T> Part<T> missed(String said, String note) {
      return new Part<>(null, () -> said, note);
    }
  }

  /** A file to be loaded in place of libcuda; for tests. */
  private static final String LIBRARY_PROPERTY = "offramp.cuda.library";

  /** Where kernels come from: ptx or nvrtc; NVRTC where it was found, if not set. */
  private static final String MODULES_PROPERTY = "offramp.cuda.modules";

  /** What to do where NVRTC fails. */
  static final String WITHOUT_NVRTC =
      "-D" + MODULES_PROPERTY + "=ptx takes the kernels from the PTX in the jar instead";

  /**
   * Looks for the driver and then for NVRTC and, where it is asked for, cuBLASLt.
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
    int major = version / 1000;
    return new Libraries(
        cuda,
        version,
        KernelSources.PTX_VERSION,
        compiler(major, Nvrtc.names(major), folders),
        products(CublasLtLibrary.names(major), folders));
  }

  /**
   * NVRTC of the driver's CUDA version or of an older one. Where it does not work the PTX does, and
   * the note says so.
   *
   * @throws DeviceException if it is asked for and cannot be had
   */
  static Part<Nvrtc> compiler(int driverMajor, List<String> names, List<Path> folders) {
    String modules = System.getProperty(MODULES_PROPERTY, "");
    if (modules.equals("ptx")) {
      return new Part<>(null, "NVRTC is left out by -D" + MODULES_PROPERTY + "=ptx.");
    }
    if (!modules.isEmpty() && !modules.equals("nvrtc")) {
      throw new DeviceException(
          "The system property %s is '%s'; it may be ptx or nvrtc"
              .formatted(MODULES_PROPERTY, modules));
    }
    String absence = "NVRTC was not found (tried " + String.join(", ", names) + ")";
    String note = "";
    Library library = Library.find(names, folders);
    if (library != null) {
      try {
        Nvrtc nvrtc = new Nvrtc(library);
        String found = "NVRTC %s was found as %s".formatted(nvrtc.version(), library.name());
        if (nvrtc.major() <= driverMajor) {
          return new Part<>(nvrtc, found + ".");
        }
        absence = found + ", which is of a newer CUDA than the driver and so not used";
      } catch (DeviceException e) {
        absence =
            "NVRTC was found as %s and does not work: %s; install it anew"
                .formatted(library.name(), e.getMessage());
        note =
            "NVRTC does not work, 'offramp doctor' says why: kernels come from the PTX in the jar.";
      }
    }
    if (modules.equals("nvrtc")) {
      throw new DeviceException("-D%s=nvrtc is set, but %s".formatted(MODULES_PROPERTY, absence));
    }
    return Part.missed(absence + ".", note);
  }

  /** Opens cuBLASLt where it is asked for; one that does not work is one that is not there. */
  static Part<CublasLtLibrary> products(List<String> names, List<Path> folders) {
    String absence = "cuBLASLt was not found (tried " + String.join(", ", names) + ").";
    if (Products.asked() != Products.LIBRARY) {
      return new Part<>(
          null,
          () -> {
            String name = Library.look(names, folders);
            return name == null ? absence : "cuBLASLt was found as " + name + ", not asked for.";
          },
          "");
    }
    String note =
        "cuBLASLt is asked for but cannot be had, 'offramp doctor' says why: products are Offramp's"
            + " own.";
    Library library = Library.find(names, folders);
    if (library == null) {
      return Part.missed(absence, note);
    }
    try {
      return new Part<>(
          new CublasLtLibrary(library), "cuBLASLt was found as " + library.name() + ".");
    } catch (DeviceException e) {
      return Part.missed(
          "cuBLASLt was found as %s, but %s.".formatted(library.name(), e.getMessage()), note);
    }
  }

  /** The compiler, or null where kernels come from PTX. */
  Nvrtc nvrtc() {
    return compiler.library();
  }

  /** Null where it is not asked for or cannot be had. */
  CublasLtLibrary cublasLt() {
    return products.library();
  }

  /** Which libraries were found and as what, or which names were tried, in sentences. */
  String search() {
    return "The CUDA driver was found as %s. %s %s"
        .formatted(cuda.library.name(), compiler.said().get(), products.said().get());
  }

  /** Why no kernels can be loaded, or null: the PTX is newer than the driver. */
  String refusal() {
    int needed = Program.driverFor(ptxVersion);
    if (nvrtc() != null || driverVersion >= needed) {
      return null;
    }
    return ("PTX %s, which the kernels come in without NVRTC, needs a driver for CUDA %s and this one"
            + " is for %s; update the NVIDIA driver, or install NVRTC of CUDA %d. %s")
        .formatted(
            ptxVersion,
            text(needed),
            text(driverVersion),
            driverVersion / 1000,
            compiler.said().get());
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
