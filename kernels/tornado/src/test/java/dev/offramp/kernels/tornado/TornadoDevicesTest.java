package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Probe;
import java.util.List;
import org.junit.jupiter.api.Test;

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
}
