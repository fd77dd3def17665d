package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static uk.ac.manchester.tornado.api.enums.TornadoVMBackendType.CUDA;
import static uk.ac.manchester.tornado.api.enums.TornadoVMBackendType.OPENCL;
import static uk.ac.manchester.tornado.api.enums.TornadoVMBackendType.SPIRV;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import uk.ac.manchester.tornado.api.TornadoTargetDevice;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

class TornadoDevicesTest {
  @Test
  void devicesAreFoundThroughTheServiceFile() {
    List<Probe> probes = Devices.probe();
    Probe first = probes.stream().filter(p -> p.id().equals("tornado:0")).findFirst().orElseThrow();
    assertThat(first.accepted()).as(first.reason()).isTrue();
    assertThat(first.info().memoryBytes()).isPositive();
    assertThat(first.info().computeUnits()).isPositive();
    assertThat(first.reason()).contains(first.info().description(), "auto");
    assertThat(probes).extracting(Probe::id).doesNotContain("tornado");
  }

  @Test
  void autoNeverMeansOne() {
    List<Probe> probes = Devices.probe();
    Probe auto = probes.stream().filter(Probe::accepted).findFirst().orElseThrow();
    assertThat(auto.id()).doesNotStartWith("tornado");
  }

  @Test
  void onlyGraphicsCardsThatHaveHalvesComputeInF16() {
    TornadoDevice first = Survey.devices().getFirst();
    if (first.getDeviceType() == TornadoDeviceType.CPU) {
      DeviceOptions halves = new DeviceOptions(1).with(Precision.F16);
      assertThatThrownBy(() -> Survey.open(0, halves))
          .isInstanceOf(DeviceException.class)
          .hasMessage("tornado:0: computes in F32 only, not in F16");
    }
    if (first.getTornadoVMBackend() == TornadoVMBackendType.OPENCL) {
      // Every device has it since OpenCL 1.1.
      assertThat(Survey.extensions(first)).contains("cl_khr_byte_addressable_store");
    }
    String with = "Extensions:\n\tcl_khr_fp64\n\tcl_khr_fp16\nDevice vendor";
    String without = "Extensions:\n\tcl_khr_fp64\nDevice vendor";
    assertThat(Survey.halves(device(TornadoDeviceType.GPU, OPENCL, with))).isTrue();
    assertThat(Survey.halves(device(TornadoDeviceType.GPU, OPENCL, without))).isFalse();
    assertThat(Survey.halves(device(TornadoDeviceType.CPU, OPENCL, with))).isFalse();
    assertThat(Survey.halves(device(TornadoDeviceType.GPU, CUDA, without))).isTrue();
    assertThat(Survey.halves(device(TornadoDeviceType.GPU, SPIRV, with))).isFalse();
  }

  private static TornadoDevice device(
      TornadoDeviceType type, TornadoVMBackendType backend, String text) {
    TornadoTargetDevice physical = tells(TornadoTargetDevice.class, Map.of("getDeviceInfo", text));
    return tells(
        TornadoDevice.class,
        Map.of(
            "getDeviceType", type, "getTornadoVMBackend", backend, "getPhysicalDevice", physical));
  }

  private static <T> T tells(Class<T> type, Map<String, Object> answers) {
    InvocationHandler handler = (proxy, method, arguments) -> answers.get(method.getName());
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  @Test
  void aRuntimeThatDoesNotStartIsExplainedByTheInnermostCause() {
    var inner = new UnsatisfiedLinkError("no tornado-opencl in java.library.path");
    assertThat(TornadoDevices.problem(new ExceptionInInitializerError(inner)))
        .contains(System.getProperty("java.version"), inner.getMessage());
  }

  /** Printed by a process of its own, whose stdout nobody else uses. */
  @Test
  void whatNativeCodePrintsIsNoResult(@TempDir Path folder) throws Exception {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    int code =
        new ProcessBuilder(
                java,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Printing.class.getName())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start()
            .waitFor();
    assertThat(code).as(Files.readString(err)).isZero();
    assertThat(out).hasContent("before\nafter\n");
    assertThat(err).hasContent("native\n");
  }

  /** Prints with C's puts in between. */
  static final class Printing {
    public static void main(String[] args) {
      System.out.println("before");
      NativeOutput.toStderr(Printing::print);
      System.out.println("after");
    }

    private static int print() {
      Linker linker = Linker.nativeLinker();
      var puts =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("puts"),
              FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
      try (Arena arena = Arena.ofConfined()) {
        return (int) puts.invoke(arena.allocateFrom("native"));
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }
}
