package dev.offramp.kernels.cuda;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Probe;
import dev.offramp.kernels.cuda.Libraries.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NVRTC and cuBLASLt: found, absent and broken, by the library of fakecuda.c under other names. */
class CudaLibrariesTest {
  private static final List<String> NVRTC = List.of("libnvrtc-of-no-one.so", "libnvrtc-test.so");
  private static final List<String> CUBLAS_LT = List.of("libcublasLt-test.so");

  @TempDir private Path folder;

  @BeforeEach
  void reset() throws IOException {
    FakeCuda.reset();
    Path fake = Path.of(FakeCuda.library().name());
    Files.createLink(folder.resolve("libnvrtc-test.so"), fake);
    Files.createLink(folder.resolve("libcublasLt-test.so"), fake);
  }

  @AfterEach
  void clear() {
    System.clearProperty("offramp.cuda.products");
    System.clearProperty("offramp.cuda.overlap");
    System.clearProperty("offramp.cuda.modules");
  }

  private Part<Nvrtc> compiler() {
    return Libraries.compiler(13, NVRTC, List.of(folder));
  }

  private Part<CublasLtLibrary> products() {
    return Libraries.products(CUBLAS_LT, List.of(folder));
  }

  private static Part<Nvrtc> noCompiler() {
    return Libraries.compiler(13, NVRTC, List.of());
  }

  private static Part<CublasLtLibrary> noProducts() {
    return Libraries.products(CUBLAS_LT, List.of());
  }

  private static Probe probe(
      String ptxVersion, Part<Nvrtc> compiler, Part<CublasLtLibrary> products) {
    Cuda cuda = FakeCuda.cuda();
    int version = Libraries.start(cuda);
    return CudaDevices.probe(new Libraries(cuda, version, ptxVersion, compiler, products))
        .getFirst();
  }

  @Test
  void anAcceptedCardIsToldWithAllThatWasFound() {
    Probe probe = probe("7.4", compiler(), products());
    assertThat(probe.accepted()).isTrue();
    assertThat(probe.reason())
        .isEqualTo(
            "Fake GPU 0 (compute capability 9.0, driver 13.0, kernels by NVRTC 13.2), 8,192 MiB of"
                + " memory. The CUDA driver was found as %s. NVRTC 13.2 was found as"
                    .formatted(FakeCuda.library().name())
                + " %s. cuBLASLt was found as %s, not asked for."
                    .formatted(
                        folder.resolve("libnvrtc-test.so"), folder.resolve("libcublasLt-test.so")));
  }

  @Test
  void whatWasTriedIsToldWhereNothingWasFound() {
    assertThat(probe("7.4", noCompiler(), noProducts()).reason())
        .startsWith("Fake GPU 0 (compute capability 9.0, driver 13.0, kernels from PTX), 8,192 MiB")
        .endsWith(
            ". NVRTC was not found (tried libnvrtc-of-no-one.so, libnvrtc-test.so). cuBLASLt was"
                + " not found (tried libcublasLt-test.so).");
  }

  @Test
  void whatIsAskedForAndCannotBeHadIsTold() {
    System.setProperty("offramp.cuda.products", "library");
    System.setProperty("offramp.cuda.overlap", "true");
    assertThat(probe("7.4", noCompiler(), noProducts()).reason())
        .contains("cuBLASLt is asked for but cannot be had")
        .contains("Overlapping kernels need");
    System.setProperty("offramp.cuda.products", "cublas");
    assertThatThrownBy(this::products)
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "The system property offramp.cuda.products is 'cublas'; it may be own, warpgroup,"
                + " library");
    System.setProperty("offramp.cuda.products", "warpgroup");
    assertThat(probe("7.4", noCompiler(), noProducts()).reason())
        .contains("Products by warp groups need");
    // Precision is no matter of the probe: what F16 has is not told as absent.
    assertThat(probe("7.4", compiler(), noProducts()).reason())
        .doesNotContain("warp groups need", "Overlapping kernels need");
  }

  @Test
  void ptxNewerThanTheDriverIsDeclinedWithoutNvrtc() {
    FakeCuda.set("driver", 12020);
    Probe probe = probe("9.0", noCompiler(), noProducts());
    assertThat(probe.accepted()).isFalse();
    assertThat(probe.reason())
        .isEqualTo(
            "PTX 9.0, which the kernels come in without NVRTC, needs a driver for CUDA 13.0 and"
                + " this one is for 12.2; update the NVIDIA driver, or install NVRTC of CUDA 12."
                + " NVRTC was not found (tried libnvrtc-of-no-one.so, libnvrtc-test.so).");
    assertThatThrownBy(
            () -> CudaDevices.openDriver(FakeCuda.driverOnly("9.0"), 0, new DeviceOptions(1)))
        .hasMessageStartingWith("cuda:0: PTX 9.0, which the kernels come in without NVRTC, needs");
    assertThat(FakeCuda.alive()).isEmpty();

    System.setProperty("offramp.cuda.modules", "ptx");
    assertThat(probe("9.0", compiler(), noProducts()).reason())
        .endsWith("or install NVRTC of CUDA 12. NVRTC is left out by -Dofframp.cuda.modules=ptx.");
    assertThat(probe("8.2", compiler(), noProducts()).accepted()).isTrue();
    System.clearProperty("offramp.cuda.modules");
    assertThat(probe("9.0", compiler(), noProducts()).accepted()).isTrue();
  }

  @Test
  void aNewerNvrtcThanTheDriverIsPassedOverAndTold() {
    Part<Nvrtc> newer = Libraries.compiler(12, NVRTC, List.of(folder));
    assertThat(newer.library()).isNull();
    assertThat(newer.said().get())
        .startsWith("NVRTC 13.2 was found as")
        .endsWith(", which is of a newer CUDA than the driver and so not used.");
    System.setProperty("offramp.cuda.modules", "nvrtc");
    assertThatThrownBy(() -> Libraries.compiler(12, NVRTC, List.of(folder)))
        .hasMessageStartingWith("-Dofframp.cuda.modules=nvrtc is set, but NVRTC 13.2 was found");
    assertThatThrownBy(CudaLibrariesTest::noCompiler)
        .hasMessage(
            "-Dofframp.cuda.modules=nvrtc is set, but NVRTC was not found (tried"
                + " libnvrtc-of-no-one.so, libnvrtc-test.so)");
    System.setProperty("offramp.cuda.modules", "cubin");
    assertThatThrownBy(this::compiler)
        .hasMessage("The system property offramp.cuda.modules is 'cubin'; it may be ptx or nvrtc");
  }

  @Test
  void aBrokenNvrtcIsToldAndDoneWithout() {
    FakeCuda.fail("nvrtcVersion", 1, 11);
    Part<Nvrtc> broken = compiler();
    assertThat(broken.library()).isNull();
    assertThat(broken.said().get())
        .isEqualTo(
            "NVRTC was found as %s and does not work: nvrtcVersion failed: NVRTC_ERROR_INTERNAL_ERROR"
                    .formatted(folder.resolve("libnvrtc-test.so"))
                + " (11); install it anew.");
    Probe probe = probe("7.4", broken, noProducts());
    assertThat(probe.accepted()).isTrue();
    assertThat(probe.info().description()).endsWith("kernels from PTX)");
    // Which each command that opens the device prints.
    assertThat(probe.info().note())
        .isEqualTo(
            "NVRTC does not work, 'offramp doctor' says why: kernels come from the PTX in the jar.");
    assertThat(probe.reason()).contains(broken.said().get(), probe.info().note());

    System.setProperty("offramp.cuda.modules", "nvrtc");
    FakeCuda.fail("nvrtcVersion", 1, 11);
    assertThatThrownBy(this::compiler)
        .isInstanceOf(DeviceException.class)
        .hasMessageStartingWith("-Dofframp.cuda.modules=nvrtc is set, but NVRTC was found as")
        .hasMessageContaining("NVRTC_ERROR_INTERNAL_ERROR");
  }

  @Test
  void builtinsBesideNvrtcAreFoundInAFolderThatTheSystemDoesNotKnow() throws Exception {
    FakeCuda.set("builtins", 1);
    Nvrtc nvrtc = compiler().library();
    assertThatThrownBy(() -> nvrtc.compile("text", "sm_90"))
        .hasMessageContaining("install libnvrtc-builtins of NVRTC 13.2 beside it");
    String builtins = "libnvrtc-builtins.so.13.2";
    Process gcc =
        new ProcessBuilder("gcc", "-shared", "-Wl,-soname," + builtins, "-o", builtins)
            .directory(folder.toFile())
            .inheritIO()
            .start();
    assertThat(gcc.waitFor()).isZero();
    assertThat(nvrtc.compile("text", "sm_90")).asString(US_ASCII).startsWith("CUBIN for sm_90");
  }

  @Test
  void cublasLtIsOpenedOnlyWhereItIsAskedFor() {
    FakeCuda.fail("cublasLtGetProperty", 1, 14);
    Part<CublasLtLibrary> notAsked = products();
    assertThat(notAsked.library()).isNull();
    assertThat(notAsked.said().get()).endsWith("libcublasLt-test.so, not asked for.");
    assertThat(FakeCuda.log()).isEmpty();

    System.setProperty("offramp.cuda.products", "library");
    Part<CublasLtLibrary> broken = products();
    assertThat(broken.library()).isNull();
    assertThat(broken.said().get())
        .endsWith(
            "libcublasLt-test.so, but cublasLtGetProperty failed: CUBLAS_STATUS_INTERNAL_ERROR"
                + " (14).");
    Probe probe = probe("7.4", compiler(), broken);
    assertThat(probe.accepted()).isTrue();
    assertThat(probe.info().note()).contains("cuBLASLt is asked for but cannot be had");

    Part<CublasLtLibrary> whole = products();
    assertThat(whole.library().version()).isEqualTo("13.1");
    assertThat(probe("7.4", compiler(), whole).info().description())
        .endsWith(", products by cuBLASLt 13.1)");
  }
}
