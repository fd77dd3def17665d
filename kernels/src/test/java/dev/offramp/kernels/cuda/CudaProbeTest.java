package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import dev.offramp.kernels.gpu.Traits;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What probing finds and says, on the library of fakecuda.c. */
class CudaProbeTest {
  @BeforeEach
  void reset() {
    FakeCuda.reset();
  }

  @AfterEach
  void clear() {
    System.clearProperty("offramp.cuda.products");
    System.clearProperty("offramp.cuda.overlap");
  }

  @Test
  void probingFindsWhatOpeningDoes() {
    FakeCuda.set("devices", 2);
    Libraries libraries = FakeCuda.installed();
    List<Probe> probes = CudaDevices.probe(libraries);
    assertThat(probes).extracting(Probe::id).containsExactly("cuda:0", "cuda:1");
    assertThat(probes).allMatch(Probe::accepted).noneMatch(Probe::processor);
    assertThat(FakeCuda.alive()).isEmpty();
    try (CudaDriver driver = FakeCuda.open(libraries, Precision.F32)) {
      assertThat(driver.info()).isEqualTo(probes.get(0).info());
      assertThat(driver.info().description())
          .isEqualTo("Fake GPU 0 (compute capability 9.0, driver 13.0, kernels by NVRTC 13.2)");
      assertThat(driver.info().memoryBytes()).isEqualTo(8L << 30);
      assertThat(driver.info().computeUnits()).isEqualTo(108);
      assertThat(driver.traits())
          .isEqualTo(new Traits(Traits.Dialect.CUDA, false, 1024, 232_448, 90));
    }
  }

  @Test
  void theDriverAloneIsEnough() {
    Probe probe = CudaDevices.probe(FakeCuda.driverOnly()).getFirst();
    assertThat(probe.info().description())
        .isEqualTo("Fake GPU 0 (compute capability 9.0, driver 13.0, kernels from PTX)");
    assertThat(probe.info().note()).isEmpty();
  }

  @Test
  void theLibraryIsNamedWhereItIsAskedFor() {
    DeviceInfo info = info(FakeCuda.withCublasLt(), Precision.F32);
    assertThat(info.description()).endsWith(", products by cuBLASLt 13.1)");
    assertThat(info.note()).isEmpty();
  }

  @Test
  void whatNewerDevicesHaveIsNamedWhereItIsAskedFor() {
    System.setProperty("offramp.cuda.products", "warpgroup");
    System.setProperty("offramp.cuda.overlap", "true");
    DeviceInfo f16 = info(FakeCuda.installed(), Precision.F16);
    assertThat(f16.description()).endsWith("kernels by NVRTC 13.2, warp groups, overlapping)");
    assertThat(f16.note()).isEmpty();
    try (CudaDriver driver = FakeCuda.open(FakeCuda.installed(), Precision.F16)) {
      assertThat(driver.traits().warpgroups()).isTrue();
    }

    DeviceInfo f32 = info(FakeCuda.installed(), Precision.F32);
    assertThat(f32.description()).endsWith("kernels by NVRTC 13.2, overlapping)");
    assertThat(f32.note()).contains("warp groups need F16").doesNotContain("Overlapping");
    try (CudaDriver driver = FakeCuda.open(FakeCuda.installed(), Precision.F32)) {
      assertThat(driver.traits().warpgroups()).isFalse();
    }

    for (DeviceInfo without :
        List.of(
            info(FakeCuda.driverOnly(), Precision.F16),
            with("capability", 80),
            with("nvrtc", 11))) {
      assertThat(without.description()).doesNotContain("warp groups", "overlapping");
      assertThat(without.note())
          .contains("warp groups need", "they are left out")
          .contains("Overlapping kernels need", "one after the other");
    }
    assertThat(with("capability", 100).description()).endsWith(", overlapping)");
  }

  /** On a device or an installation that differs in one setting. */
  private static DeviceInfo with(String setting, int value) {
    FakeCuda.reset();
    FakeCuda.set(setting, value);
    return info(FakeCuda.installed(), Precision.F16);
  }

  private static DeviceInfo info(Libraries libraries, Precision precision) {
    return Properties.of(libraries.cuda(), 0).info(libraries, precision);
  }

  @Test
  void anotherValueOfAPropertyIsRefused() {
    System.setProperty("offramp.cuda.products", "cublas");
    assertThatThrownBy(() -> info(FakeCuda.installed(), Precision.F32))
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "The system property offramp.cuda.products is 'cublas'; it may be own, warpgroup,"
                + " library");
    System.setProperty("offramp.cuda.products", "own");
    System.setProperty("offramp.cuda.overlap", "yes");
    assertThatThrownBy(() -> info(FakeCuda.installed(), Precision.F32))
        .hasMessage("The system property offramp.cuda.overlap is 'yes'; it may be true or false");
  }

  @Test
  void anOldDriverIsDeclined() {
    FakeCuda.set("driver", 11020);
    assertThatThrownBy(FakeCuda::driverOnly)
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "The CUDA driver is too old: it supports CUDA 11.2, needed is 11.4 or later; update the"
                + " NVIDIA driver");
    assertThat(FakeCuda.log()).isEmpty();
  }

  @Test
  void whatKeepsTheDriverFromStartingIsNamed() {
    FakeCuda.fail("cuInit", 1, 100);
    assertThatThrownBy(FakeCuda::driverOnly)
        .hasMessageContaining("cuInit failed: CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device")
        .hasMessageContaining("nvidia-smi");
    FakeCuda.fail("cuInit", 1, 803);
    assertThatThrownBy(FakeCuda::driverOnly)
        .hasMessageContaining("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)")
        .hasMessageContaining("reboot");
  }

  @Test
  void anOldDeviceIsDeclined() {
    FakeCuda.set("capability", 70);
    Probe probe = CudaDevices.probe(FakeCuda.driverOnly()).getFirst();
    assertThat(probe.accepted()).isFalse();
    assertThat(probe.reason())
        .isEqualTo("Fake GPU 0 has compute capability 7.0, needed is 7.5 (Turing) or later.");
  }

  @Test
  void tf32NeedsAmpere() {
    FakeCuda.set("capability", 75);
    Properties properties = Properties.of(FakeCuda.driverOnly().cuda(), 0);
    assertThat(properties.refusal(Precision.TF32)).contains("TF32 needs 8.0");
    assertThat(properties.refusal(Precision.F16)).isNull();
  }

  @Test
  void openingFindsAndRefusesTheSame() {
    Libraries libraries = FakeCuda.installed();
    DeviceOptions f32 = new DeviceOptions(1);
    CudaDevices.openDriver(libraries, 0, f32.with(Precision.F16)).close();
    assertThat(FakeCuda.alive()).isEmpty();
    assertThatThrownBy(() -> CudaDevices.openDriver(libraries, 7, f32))
        .hasMessage("There is no device 'cuda:7'. The driver lists 1, counted from 0.");
    FakeCuda.set("capability", 75);
    assertThatThrownBy(() -> CudaDevices.openDriver(libraries, 0, f32.with(Precision.TF32)))
        .hasMessageStartingWith("cuda:0: Fake GPU 0 has compute capability 7.5, TF32 needs");
    FakeCuda.set("capability", 61);
    assertThatThrownBy(() -> CudaDevices.openDriver(libraries, 0, f32))
        .hasMessageContaining("compute capability 6.1, needed is 7.5");
    assertThat(FakeCuda.alive()).isEmpty();
  }

  @Test
  void aPropertyNamesAnotherLibrary() {
    System.setProperty("offramp.cuda.library", FakeCuda.library().name());
    System.setProperty("offramp.cuda.modules", "ptx");
    try {
      Libraries libraries = Libraries.find();
      assertThat(libraries.cuda().library.name()).isEqualTo(FakeCuda.library().name());
      assertThat(libraries.driverVersion()).isEqualTo(13_000);
      assertThat(libraries.nvrtc()).isNull();
      assertThat(libraries.compiler().said().get())
          .isEqualTo("NVRTC is left out by -Dofframp.cuda.modules=ptx.");
      assertThat(libraries.ptxVersion()).isEqualTo("7.4");
      System.setProperty("offramp.cuda.library", "/nowhere.so");
      assertThatThrownBy(Libraries::find)
          .hasMessage("-Dofframp.cuda.library names /nowhere.so, which cannot be loaded");
    } finally {
      System.clearProperty("offramp.cuda.library");
      System.clearProperty("offramp.cuda.modules");
    }
  }

  @Test
  void noDeviceIsSaid() {
    FakeCuda.set("devices", 0);
    Probe probe = CudaDevices.probe(FakeCuda.driverOnly()).getFirst();
    assertThat(probe)
        .isEqualTo(new Probe("cuda", false, "The CUDA driver lists no device.", null, false));
  }

  @Test
  void aDeviceThatCannotBeAskedSpoilsNoOther() {
    FakeCuda.set("devices", 2);
    Libraries libraries = FakeCuda.driverOnly();
    FakeCuda.fail("cuDeviceTotalMem_v2", 1, 1);
    List<Probe> probes = CudaDevices.probe(libraries);
    assertThat(probes).extracting(Probe::accepted).containsExactly(false, true);
    assertThat(probes.getFirst().reason()).contains("cuda:0: cuDeviceTotalMem_v2 failed");
  }

  @Test
  void librariesOfANewerCudaThanTheDriversAreLeftAlone() {
    assertThat(Nvrtc.names(13)).first().isEqualTo("libnvrtc.so.13");
    assertThat(Nvrtc.names(12)).first().isEqualTo("libnvrtc.so.12");
    assertThat(CublasLtLibrary.names(14)).first().isEqualTo("libcublasLt.so.13");
    assertThat(CublasLtLibrary.names(11)).containsExactly("libcublasLt.so.11", "cublasLt64_11.dll");
  }

  @Test
  void noLibraryIsNoError() {
    assertThat(Library.find(List.of("libof-no-one.so.1"), List.of(Path.of("/nowhere")))).isNull();
  }

  @Test
  void aFunctionThatIsMissingIsNamed() {
    NativeFunction missing = FakeCuda.library().function("cuNothing", "i");
    assertThatThrownBy(() -> missing.call(1))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("has no function cuNothing");
  }
}
