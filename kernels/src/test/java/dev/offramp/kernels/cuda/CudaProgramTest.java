package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
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
                + " 'broken' (8192)) failed: CUDA_ERROR_INVALID_PTX (218)")
        .hasMessageContaining("update the NVIDIA driver")
        .hasMessageContaining("-Dofframp.cuda.modules=ptx")
        .hasMessageEndingWith("installed with libnvrtc-builtins");
  }

  @Test
  void ptxOfANewerToolkitNamesTheRemedy() {
    FakeCuda.set("driver", 12020);
    Libraries libraries = FakeCuda.driverOnly();
    assertThatThrownBy(() -> open(libraries, "", ".version 9.0", null))
        .hasMessageContaining("CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222)")
        .hasMessageEndingWith(
            "update the NVIDIA driver, install NVRTC of the driver's CUDA version, or take the"
                + " kernels from the PTX in the jar by -Dofframp.cuda.modules=ptx");
  }

  /** The fake driver has a list of what real ones know. */
  @Test
  void aDriverIsTakenForOldExactlyWhereItRefusesThePtx() {
    for (int driver : new int[] {11040, 11080, 12000, 12050, 12060, 12070, 12090, 13000}) {
      for (String version :
          List.of("7.4", "7.5", "7.8", "8.0", "8.5", "8.6", "8.7", "8.8", "9.0")) {
        FakeCuda.reset();
        FakeCuda.set("driver", driver);
        Libraries libraries = FakeCuda.driverOnly(version);
        boolean loads;
        try {
          open(libraries, "", ".version " + version, null);
          loads = true;
        } catch (DeviceException e) {
          assertThat(e).hasMessageContaining("(222)");
          loads = false;
        }
        assertThat(libraries.refusal() == null).as(version + " on " + driver).isEqualTo(loads);
      }
    }
  }

  @Test
  void theKeptPtxLoadsOnTheOldestDriver() {
    FakeCuda.set("driver", Cuda.OLDEST_DRIVER);
    for (int capability : new int[] {75, 80, 90}) {
      FakeCuda.set("capability", capability);
      for (Precision precision : List.of(Precision.F32, Precision.F16)) {
        DeviceOptions options = new DeviceOptions(1, precision, null);
        CudaDevices.openDriver(FakeCuda.driverOnly(), 0, options).close();
      }
    }
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
                + " offramp.cu(1): error: #error; -Dofframp.cuda.modules=ptx takes the kernels from"
                + " the PTX in the jar instead");
  }

  @Test
  void anNvrtcWithoutItsBuiltinsNamesTheRemedy() {
    Libraries libraries = FakeCuda.installed();
    FakeCuda.fail("nvrtcCompileProgram", 1, 7);
    assertThatThrownBy(() -> open(libraries, "text", null, null))
        .isInstanceOf(DeviceException.class)
        .hasMessageStartingWith(
            "cuda:0: nvrtcCompileProgram failed: NVRTC_ERROR_BUILTIN_OPERATION_FAILURE (7) for"
                + " sm_90; install libnvrtc-builtins of NVRTC 13.2 beside it; its log:")
        .hasMessageEndingWith(
            "-Dofframp.cuda.modules=ptx takes the kernels from the PTX in the jar instead");
  }
}
