package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class DevicesTest {
  @Test
  void opensByName() {
    for (String id : List.of("jvm", "auto")) {
      try (Device device = Devices.open(id, new DeviceOptions(2))) {
        assertThat(device.info().id()).isEqualTo("jvm");
        assertThat(device.info().computeUnits()).isEqualTo(2);
        assertThat(device.info().memoryBytes()).isPositive();
      }
    }
  }

  @Test
  void anUnknownNameSaysWhatThereIs() {
    assertThatThrownBy(() -> Devices.open("opencl:0"))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("'opencl:0'")
        .hasMessageContaining("jvm");
  }

  @Test
  void everyAcceptedProbeOpens() {
    List<Probe> probes = Devices.probe();
    assertThat(probes).isNotEmpty();
    for (Probe probe : probes) {
      assertThat(probe.reason()).isNotBlank();
      if (probe.accepted()) {
        try (Device device = Devices.open(probe.id())) {
          assertThat(device.info()).isEqualTo(probe.info());
        }
      }
    }
  }

  @Test
  void threadsAreChecked() {
    assertThatIllegalArgumentException().isThrownBy(() -> new DeviceOptions(0));
  }
}
