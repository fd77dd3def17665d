package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Probe;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
