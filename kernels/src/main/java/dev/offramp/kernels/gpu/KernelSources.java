package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Precision;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The kernels' text: one C dialect for OpenCL and CUDA, behind a prelude of macros for each. Every
 * kernel is a function with C linkage; its name is what {@link Driver#launch} takes.
 */
public final class KernelSources {
  /** Architectures that PTX is kept for, the newest first. */
  private static final List<Integer> CAPABILITIES = List.of(90, 80, 75);

  private static final List<String> COMMON = List.of("rows.c");

  private KernelSources() {}

  /** The program for a device: to be built by OpenCL or by NVRTC without further headers. */
  public static String text(Traits traits, Precision precision) {
    StringBuilder text = new StringBuilder();
    if (precision == Precision.F16) {
      text.append("#define F16 1\n");
    }
    text.append(read("prelude_" + traits.dialect().name().toLowerCase() + ".h"));
    COMMON.forEach(file -> text.append(read(file)));
    return text.toString();
  }

  /**
   * The same program as PTX, compiled ahead of time for the newest architecture that the device
   * can run.
   *
   * @param capability compute capability times ten
   * @return null where the device is too old
   */
  public static String ptx(int capability, Precision precision) {
    return CAPABILITIES.stream()
        .filter(c -> c <= capability)
        .findFirst()
        .map(c -> read("kernels_" + precision.name().toLowerCase() + "_sm" + c + ".ptx"))
        .orElse(null);
  }

  private static String read(String name) {
    try (InputStream in = KernelSources.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the resource " + name + " is missing from the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
