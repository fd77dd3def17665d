package dev.offramp.kernels.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.OtherJvm;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class OpenClDevicesTest {
  private static final Candidate GOOD =
      candidate("OpenCL 1.2 CUDA", "GeForce", true, true, true, 1024);

  private static Candidate candidate(
      String version, String name, boolean usable, boolean compiler, boolean little, int items) {
    return new Candidate(
        3,
        1,
        "Some Platform",
        name,
        version,
        "5.6",
        false,
        usable,
        compiler,
        little,
        8,
        items,
        1L << 32,
        1L << 30,
        1 << 15);
  }

  @Test
  void withoutALoaderSaysWhatWasTried() {
    Library none = Library.find(List.of("libOpenCL-none.so.1", "libOpenCL-none.so"));
    assertThat(none.present()).isFalse();
    Probe probe = Survey.take(none).probes().getFirst();
    assertThat(probe.id()).isEqualTo("opencl");
    assertThat(probe.accepted()).isFalse();
    assertThat(probe.reason())
        .contains("libOpenCL-none.so.1, libOpenCL-none.so")
        .contains("install ocl-icd-libopencl1 or the GPU driver");
  }

  @Test
  void aLoaderWithoutTheFunctionsIsTooOld() {
    Path other = Path.of(System.getProperty("java.home"), "lib", System.mapLibraryName("java"));
    assertThat(Library.find(List.of(other.toString())).problem())
        .contains("clEnqueueFillBuffer")
        .contains("older than OpenCL 1.2");
  }

  @Test
  void devicesThatLackSomethingAreDeclined() {
    assertThat(GOOD.problem()).isEmpty();
    assertThat(candidate("OpenCL 3.0", "x", true, true, true, 256).problem()).isEmpty();
    assertThat(candidate("OpenCL 1.1 old", "x", true, true, true, 256).problem())
        .isEqualTo(
            "Some Platform, x: the device implements 'OpenCL 1.1 old'; OpenCL 1.2 is the least."
                + " Update its driver.");
    assertThat(candidate("nonsense", "x", true, true, true, 256).problem()).contains("nonsense");
    assertThat(candidate("OpenCL 1.2", "x", false, true, true, 256).problem())
        .contains("CL_DEVICE_AVAILABLE");
    assertThat(candidate("OpenCL 1.2", "x", true, false, true, 256).problem())
        .contains("CL_DEVICE_COMPILER_AVAILABLE");
    assertThat(candidate("OpenCL 1.2", "x", true, true, false, 256).problem())
        .contains("CL_DEVICE_ENDIAN_LITTLE");
    assertThat(candidate("OpenCL 1.2", "x", true, true, true, 255).problem()).contains("255");
  }

  @Test
  void aDeclinedDeviceKeepsItsNumber() {
    Candidate old = candidate("OpenCL 1.1", "x", true, true, true, 256);
    Probe probe = new Survey.Found(old.id(), old, old.problem()).probe();
    assertThat(probe.id()).isEqualTo("opencl:3");
    assertThat(probe.accepted()).isFalse();
    assertThat(probe.info()).isNull();
  }

  @Test
  void descriptionsAreShort() {
    assertThat(GOOD.info(Precision.F16).description())
        .isEqualTo("Some Platform, GeForce (OpenCL 1.2, driver 5.6)");
    assertThat(GOOD.info(Precision.F16).precision()).isEqualTo(Precision.F16);
    String processor = "pthread-skylake-avx512-AMD EPYC 9R14";
    assertThat(candidate("OpenCL 3.0", processor, true, true, true, 256).info(Precision.F32))
        .extracting(info -> info.description())
        .isEqualTo("Some Platform, AMD EPYC 9R14 (OpenCL 3.0, driver 5.6)");
  }

  @Test
  void anAcceptedProbeIsWhatOpens() {
    int number = Present.number();
    Probe probe = OpenClDevices.probe().get(number);
    try (OpenClDriver driver = OpenClDevices.driver(number, Precision.F32)) {
      assertThat(driver.info()).isEqualTo(probe.info());
      assertThat(driver.info().memoryBytes()).isPositive();
      assertThat(driver.info().computeUnits()).isPositive();
      assertThat(driver.traits().processor()).isEqualTo(probe.processor());
      assertThat(driver.traits().maxGroupItems()).isGreaterThanOrEqualTo(Candidate.GROUP_ITEMS);
      assertThat(driver.traits().localBytes()).isPositive();
    }
    assertThat(probe.reason()).contains("Platform ", "driver ", "MiB");
  }

  @Test
  void aNumberThatIsNotThereSaysWhichAre() {
    int number = Present.number();
    assertThatThrownBy(() -> OpenClDevices.driver(999, Precision.F32))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("'opencl:999'")
        .hasMessageContaining("opencl:" + number);
  }

  @Test
  void tf32IsRefused() {
    int number = Present.number();
    assertThatThrownBy(() -> OpenClDevices.driver(number, Precision.TF32))
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "opencl:%d: OpenCL computes in F32 and F16 only; TF32 is for CUDA devices", number);
  }

  /** In a process of its own, since a loader reads its list of drivers once. */
  @Test
  void withoutADriverNamesTheFolder() throws IOException, InterruptedException {
    if (!Library.get().present()) {
      Present.number();
    }
    ProcessBuilder builder =
        OtherJvm.running(PrintProbes.class, "--enable-native-access=ALL-UNNAMED");
    builder.environment().put("OCL_ICD_VENDORS", "/nonexistent/vendors");
    Process process = builder.start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output)
        .isEqualTo(
            "opencl false OpenCL: clGetPlatformIDs failed: CL_PLATFORM_NOT_FOUND_KHR (-1001); no"
                + " OpenCL driver is registered in /etc/OpenCL/vendors, install the GPU's or"
                + " pocl-opencl-icd.");
  }

  static final class PrintProbes {
    private PrintProbes() {}

    public static void main(String[] arguments) {
      for (Probe probe : OpenClDevices.probe()) {
        System.out.println(probe.id() + " " + probe.accepted() + " " + probe.reason());
      }
    }
  }
}
