package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class DevicesTest {
  @Test
  void opensByName() {
    try (Device device = Devices.open("jvm", new DeviceOptions(2))) {
      assertThat(device.info().id()).isEqualTo("jvm");
      assertThat(device.info().computeUnits()).isEqualTo(2);
      assertThat(device.info().memoryBytes()).isPositive();
    }
  }

  @Test
  void autoIsTheFirstThatIsAccepted() {
    Probe first = Devices.probe().stream().filter(Probe::accepted).findFirst().orElseThrow();
    try (Device device = Devices.open("auto")) {
      assertThat(device.info()).isEqualTo(first.info());
    }
  }

  @Test
  void jvmComputesInF32Only() {
    assertThatThrownBy(() -> Devices.open("jvm", DeviceOptions.defaults().with(Precision.F16)))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("F32 only");
  }

  @Test
  void anUnknownNameSaysWhatThereIs() {
    assertThatThrownBy(() -> Devices.open("gpu"))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("'gpu'")
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
