package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Traits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How kernels get onto a device, on the library of fakecuda.c. */
class CudaProgramTest {
  private static final Extras NONE = new Extras(false, false, "");

  @TempDir private Path folder;

  @BeforeEach
  void reset() {
    FakeCuda.reset();
  }

  @AfterEach
  void nothingIsLeftAlive() {
    assertThat(FakeCuda.alive()).isEmpty();
  }

  private static List<String> open(Libraries libraries, String text, String ptx, Path cache) {
    DeviceOptions options = new DeviceOptions(1, Precision.F32, cache);
    FakeCuda.open(libraries, options, new Program(text, () -> ptx, NONE)).close();
    return FakeCuda.log().stream()
        .filter(line -> line.startsWith("nvrtc") || line.startsWith("cuModuleLoad"))
        .toList();
  }

  @Test
  void badPtxIsRefusedWithTheLog() {
    Libraries libraries = FakeCuda.driverOnly();
    assertThatThrownBy(() -> open(libraries, "", "broken", null))
        .hasMessageContaining(
            "cuda:0: cuModuleLoadDataEx of the kernels' PTX (ptxas error : syntax error near"
                + " 'broken' (8192)) failed: CUDA_ERROR_INVALID_PTX (218)");
  }

  @Test
  void ptxOfANewerToolkitNamesTheRemedy() {
    Libraries libraries = FakeCuda.driverOnly();
    FakeCuda.fail("cuModuleLoadDataEx", 1, 222);
    assertThatThrownBy(() -> open(libraries, "", FakeCuda.PTX, null))
        .hasMessageContaining("CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222)")
        .hasMessageEndingWith(
            "update the NVIDIA driver to 580 or later, or install NVRTC of the driver's CUDA"
                + " version");
  }

  @Test
  void noPtxForTheDeviceIsSaid() {
    Libraries libraries = FakeCuda.driverOnly();
    assertThatThrownBy(() -> open(libraries, "", null, null))
        .hasMessageContaining("there is no PTX for compute capability 9.0");
  }

  @Test
  void nvrtcCompilesForTheVeryDevice() {
    assertThat(open(FakeCuda.installed(), "text", null, null))
        .containsExactly(
            "nvrtcCompileProgram --gpu-architecture=sm_90 --std=c++17",
            "cuModuleLoadDataEx CUBIN for sm_90");
  }

  @Test
  void productsByWarpGroupsAreCompiledForTheDeviceAlone() {
    DeviceOptions options = new DeviceOptions(1, Precision.F16, null);
    Program program = new Program("text", () -> null, new Extras(true, false, ""));
    FakeCuda.open(FakeCuda.installed(), options, program).close();
    assertThat(FakeCuda.log())
        .contains(
            "nvrtcCompileProgram --gpu-architecture=sm_90a --std=c++17",
            "cuModuleLoadDataEx CUBIN for sm_90a");
  }

  @Test
  void overlappingKernelsAreAnotherProgram() {
    Traits traits = new Traits(Traits.Dialect.CUDA, false, 1024, 232_448, 90);
    Program usual = Program.of(traits, Precision.F16, NONE);
    Program overlapping = Program.of(traits, Precision.F16, new Extras(false, true, ""));
    assertThat(overlapping.text()).isEqualTo("#define OVERLAP 1\n" + usual.text());
  }

  @Test
  void aDeviceNewerThanNvrtcGetsItsPtx() {
    FakeCuda.set("capability", 100);
    assertThat(open(FakeCuda.installed(), "text", null, null))
        .containsExactly(
            "nvrtcCompileProgram --gpu-architecture=compute_90 --std=c++17",
            "cuModuleLoadDataEx .version by NVRTC");
  }

  @Test
  void onlyTheFirstStartCompiles() throws IOException {
    Path cache = folder.resolve("new/cache");
    Libraries libraries = FakeCuda.installed();
    assertThat(open(libraries, "text", null, cache)).hasSize(2);
    assertThat(open(libraries, "text", null, cache))
        .containsExactly("cuModuleLoadDataEx CUBIN for sm_90");
    assertThat(open(libraries, "other text", null, cache)).hasSize(2);
    try (Stream<Path> files = Files.list(cache)) {
      List<Path> kept = files.toList();
      assertThat(kept).hasSize(2);
      for (Path file : kept) {
        Files.writeString(file, "damaged\0");
      }
    }
    assertThat(open(libraries, "text", null, cache)).hasSize(2);
    assertThat(open(libraries, "text", null, cache)).hasSize(1);
  }

  @Test
  void aCacheThatCannotBeWrittenIsDoneWithout() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "no folder");
    assertThat(open(FakeCuda.installed(), "text", null, file)).hasSize(2);
  }

  @Test
  void whatNvrtcRefusesIsShown() {
    Libraries libraries = FakeCuda.installed();
    assertThatThrownBy(() -> open(libraries, "#error", null, null))
        .hasMessage(
            "cuda:0: nvrtcCompileProgram failed: NVRTC_ERROR_COMPILATION (6) for sm_90; its log:"
                + " offramp.cu(1): error: #error");
  }
}
