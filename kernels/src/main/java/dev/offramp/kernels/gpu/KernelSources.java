package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Traits.Dialect;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/**
 * The kernels' text: one C dialect for OpenCL and CUDA, behind a prelude of macros for each. Every
 * kernel is a function with C linkage; its name is what {@link Driver#launch} takes. A file that
 * holds a kernel of several sizes is included once for each.
 */
public final class KernelSources {
  /** Architectures that PTX is kept for, the newest first. */
  static final List<Integer> CAPABILITIES = List.of(80, 75);

  /**
   * The version of the PTX language that the kept PTX states: that of CUDA 11.4, the oldest that a
   * driver may support. A driver refuses PTX of a later version than its own, whatever is in it.
   */
  public static final String PTX_VERSION = "7.4";

  private KernelSources() {}

  /** The program for a device, to be built by OpenCL, or by NVRTC without further headers. */
  public static String text(Traits traits, Precision precision) {
    return text(traits.dialect(), traits.processor(), precision);
  }

  static String text(Dialect dialect, boolean processor, Precision precision) {
    StringBuilder text = new StringBuilder();
    if (precision == Precision.F16) {
      define(text, "F16", "1");
    }
    include(text, "prelude_" + dialect.name().toLowerCase(Locale.ROOT) + ".h");
    include(text, "vectors.h");
    include(text, "rows.c");
    if (processor) {
      processorKernels(text);
    } else {
      acceleratorKernels(text, dialect, precision);
    }
    return text.toString();
  }

  private static void processorKernels(StringBuilder text) {
    include(text, "exit.c");
    include(text, "vector.c");
    include(text, "vector_layers.c");
    include(text, "vector_exit.c");
    for (GemmKernel kernel : GemmKernel.VECTOR) {
      define(text, "GEMM", kernel.name());
      define(text, "PACK", kernel.name() + "_pack");
      define(text, "ROWS", kernel.m());
      include(text, "vector_gemm.c");
      undefine(text, "GEMM", "PACK", "ROWS");
    }
    include(text, "image.c");
    define(text, "DEPTH", ConvolutionKernel.DEPTH);
    define(text, "RUN", ConvolutionKernel.RUN);
    for (ConvolutionKernel kernel : ConvolutionKernel.VECTOR) {
      define(text, "CONVOLUTION", kernel.name());
      define(text, "PIXELS", kernel.m());
      define(text, "PANEL_WIDTH", kernel.n());
      define(text, "WIDE", kernel.n() / 16);
      include(text, "vector_convolution.c");
      undefine(text, "CONVOLUTION", "PIXELS", "PANEL_WIDTH", "WIDE");
    }
    define(text, "PEAK", "float16");
    define(text, "PEAK_SUM(v)", "sum16(v)");
    include(text, "peak.c");
  }

  private static void acceleratorKernels(StringBuilder text, Dialect dialect, Precision precision) {
    include(text, "positionwise.c");
    include(text, "exit.c");
    include(text, "exit_head.c");
    attention(text, Launches.HEAD_SIZES, "attention_", "attention.c");
    include(text, "tile.h");
    for (GemmKernel kernel : GemmKernel.TILE) {
      define(text, "GEMM", kernel.name());
      define(text, "M", kernel.m());
      define(text, "N", kernel.n());
      define(text, "EACH", kernel.each());
      include(text, "gemm_tile.c");
      undefine(text, "GEMM", "M", "N", "EACH");
    }
    include(text, "image.c");
    for (ConvolutionKernel kernel : ConvolutionKernel.TILE) {
      define(text, "CONVOLUTION", kernel.name());
      define(text, "M", kernel.m());
      define(text, "N", kernel.n());
      define(text, "EACH", kernel.each());
      include(text, "convolution_tile.c");
      undefine(text, "CONVOLUTION", "M", "N", "EACH");
    }
    if (dialect == Dialect.CUDA) {
      include(text, "tensor.cuh");
      if (precision == Precision.F16) {
        attention(text, Launches.TENSOR_HEAD_SIZES, "attention_tensor_", "attention_tensor.cu");
      }
      include(text, "tensor_tile.cuh");
      for (GemmKernel kernel : GemmKernel.TENSOR) {
        define(text, "GEMM", kernel.name());
        define(text, "M", kernel.m());
        define(text, "N", kernel.n());
        define(text, "WARPS_M", kernel.m() / kernel.each());
        define(text, "WARPS_N", kernel.n() / kernel.eachN());
        include(text, "gemm_tensor.cu");
        undefine(text, "GEMM", "M", "N", "WARPS_M", "WARPS_N");
      }
      if (precision == Precision.F16) {
        text.append("#ifdef __CUDA_ARCH_FEAT_SM90_ALL\n");
        include(text, "warpgroup.cuh");
        for (GemmKernel kernel : GemmKernel.WARPGROUP) {
          define(text, "GEMM", kernel.name());
          define(text, "M", kernel.m());
          define(text, "N", kernel.n());
          include(text, "gemm_warpgroup.cu");
          undefine(text, "GEMM", "M", "N");
        }
        text.append("#endif\n");
      }
    }
    define(text, "PEAK", "float");
    define(text, "PEAK_SUM(v)", "(v)");
    include(text, "peak.c");
  }

  private static void attention(StringBuilder text, int[] sizes, String name, String file) {
    for (int head : sizes) {
      define(text, "HEAD", head);
      define(text, "ATTENTION", name + head);
      include(text, file);
      undefine(text, "HEAD", "ATTENTION");
    }
  }

  private static void define(StringBuilder text, String name, Object value) {
    text.append("#define ").append(name).append(' ').append(value).append('\n');
  }

  private static void undefine(StringBuilder text, String... names) {
    for (String name : names) {
      text.append("#undef ").append(name).append('\n');
    }
  }

  private static void include(StringBuilder text, String file) {
    text.append(read(file));
  }

  /**
   * The CUDA program as PTX, compiled ahead of time for the newest architecture that the device can
   * run.
   *
   * @param capability compute capability times ten
   * @return null where the device is too old
   */
  public static String ptx(int capability, Precision precision) {
    return CAPABILITIES.stream()
        .filter(c -> c <= capability)
        .findFirst()
        .map(c -> read(ptxName(c, precision)))
        .orElse(null);
  }

  /** TF32 runs the F32 program, which has the products of both. */
  static String ptxName(int capability, Precision precision) {
    return "kernels_" + (precision == Precision.F16 ? "f16" : "f32") + "_sm" + capability + ".ptx";
  }

  static String read(String name) {
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
