package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The structs of overlapping launches, written by hand, beside NVIDIA's header; JCuda has none. */
class LaunchLayoutTest {
  @TempDir Path folder;

  @Test
  void structsAreThoseOfTheHeader() throws Exception {
    String text =
        """
        #include <cuda.h>
        #include <stddef.h>
        #define SAME(number, value) static_assert((number) == (value), #value)
        SAME(%d, offsetof(CUlaunchConfig, hStream));
        SAME(%d, offsetof(CUlaunchConfig, attrs));
        SAME(%d, offsetof(CUlaunchConfig, numAttrs));
        SAME(%d, sizeof(CUlaunchConfig));
        SAME(24, offsetof(CUlaunchConfig, sharedMemBytes)); // the seventh int
        SAME(0, offsetof(CUlaunchAttribute, id));
        SAME(%d, offsetof(CUlaunchAttribute, value.programmaticStreamSerializationAllowed));
        SAME(%d, sizeof(CUlaunchAttribute));
        SAME(%d, CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
        """
            .formatted(
                Kernels.CONFIG_STREAM,
                Kernels.CONFIG_ATTRIBUTES,
                Kernels.CONFIG_ATTRIBUTE_COUNT,
                Kernels.CONFIG_BYTES,
                Kernels.ATTRIBUTE_VALUE,
                Kernels.ATTRIBUTE_BYTES,
                Cuda.LAUNCH_PROGRAMMATIC_STREAM_SERIALIZATION);
    Files.writeString(folder.resolve("layout.cpp"), text);
    ProcessBuilder nvcc =
        new ProcessBuilder("nvcc", "-std=c++17", "-c", "layout.cpp")
            .directory(folder.toFile())
            .redirectErrorStream(true);
    Process process;
    try {
      process = nvcc.start();
    } catch (IOException e) {
      assumeTrue(false, "no nvcc on the PATH; install the CUDA toolkit (no GPU is needed)");
      throw e;
    }
    String said = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as(said).isZero();
  }
}
