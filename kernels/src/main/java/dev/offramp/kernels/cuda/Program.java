package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.KernelSources;
import dev.offramp.kernels.gpu.Traits;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.Supplier;

/**
 * The kernels in the two forms that a device can be given.
 *
 * @param text for NVRTC
 * @param ptx compiled ahead of time; null where there is none for the device
 * @param extras what the text makes use of
 */
record Program(String text, Supplier<String> ptx, Extras extras) {
  private static final int LOG_BYTES = 8192;

  static Program of(Traits traits, Precision precision, Extras extras) {
    Precision storage = precision == Precision.F16 ? Precision.F16 : Precision.F32;
    String text = KernelSources.text(traits, storage);
    return new Program(
        extras.overlap() ? "#define OVERLAP 1\n" + text : text,
        () -> KernelSources.ptx(traits.capability(), storage),
        extras);
  }

  /**
   * Loads the program for the context's device.
   *
   * @param nvrtc compiles it, or null to load the PTX
   * @param capability compute capability times ten
   * @param cache folder where compiled programs are kept, or null
   * @return the CUmodule
   */
  long load(Context context, Nvrtc nvrtc, int capability, Path cache) {
    if (nvrtc == null) {
      String code = ptx.get();
      if (code == null) {
        throw new DeviceException(
            context.id + ": there is no PTX for compute capability " + capability / 10.0);
      }
      return load(context, "the kernels' PTX", (code + "\0").getBytes(StandardCharsets.UTF_8));
    }
    String own = extras.warpgroups() ? "a" : "";
    String architecture = by(context, () -> nvrtc.architecture(capability)) + own;
    Path file = cache == null ? null : cache.resolve(fileName(nvrtc, architecture));
    if (file != null && Files.isReadable(file)) {
      try {
        return load(context, file.toString(), Files.readAllBytes(file));
      } catch (IOException | DeviceException damaged) {
        // Compiled anew below; a device that is lost says so again there.
      }
    }
    byte[] image = by(context, () -> nvrtc.compile(text, architecture));
    long module = load(context, "the kernels compiled by NVRTC " + nvrtc.version(), image);
    if (file != null) {
      keep(image, file);
    }
    return module;
  }

  /**
   * The first CUDA version that knows a version of the PTX language, in the form in which a driver
   * gives its own: 11040 for 7.4.
   */
  static int driverFor(String ptxVersion) {
    String[] parts = ptxVersion.split("\\.");
    int major = Integer.parseInt(parts[0]);
    int minor = Integer.parseInt(parts[1]);
    // CUDA 12.6 brought no new version of the language.
    int skipped = major == 8 && minor > 5 ? 1 : 0;
    return (major + 4) * 1000 + (minor + skipped) * 10;
  }

  /** What NVRTC gives; where it fails, the error says for which device and what to do. */
  private static <R> R by(Context context, Supplier<R> nvrtc) {
    try {
      return nvrtc.get();
    } catch (DeviceException e) {
      throw new DeviceException(
          "%s: %s; %s".formatted(context.id, e.getMessage(), Libraries.WITHOUT_NVRTC), e);
    }
  }

  private static long load(Context context, String what, byte[] image) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment log = arena.allocate(LOG_BYTES);
      MemorySegment options =
          arena.allocateFrom(
              ValueLayout.JAVA_INT,
              Cuda.JIT_ERROR_LOG_BUFFER,
              Cuda.JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
      MemorySegment values =
          arena.allocateFrom(ValueLayout.JAVA_LONG, log.address(), (long) LOG_BYTES);
      // Sixteen: cubins are read in words.
      MemorySegment data = arena.allocate(image.length, 16);
      MemorySegment.copy(image, 0, data, ValueLayout.JAVA_BYTE, 0, image.length);
      int code =
          context.attempt(context.cuda.moduleLoadDataEx, context.out(), data, 2, options, values);
      if (code != Cuda.SUCCESS) {
        String said = log.getString(0).strip();
        throw context.failure(
            "cuModuleLoadDataEx of " + what + (said.isEmpty() ? "" : " (" + said + ")"), code);
      }
      return context.result();
    }
  }

  private String fileName(Nvrtc nvrtc, String architecture) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(text.getBytes(StandardCharsets.UTF_8));
      digest.update((architecture + " " + nvrtc.version()).getBytes(StandardCharsets.UTF_8));
      return "cuda-kernels-" + HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Only the next start's time hangs on it, so a folder that cannot be written to is no error. */
  private static void keep(byte[] image, Path file) {
    try {
      Files.createDirectories(file.getParent());
      Path temporary = Files.createTempFile(file.getParent(), "cuda-kernels-", ".tmp");
      try {
        Files.write(temporary, image);
        Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      // Compiled again at the next start.
    }
  }
}
