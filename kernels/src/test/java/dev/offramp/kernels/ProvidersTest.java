package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvidersTest {
  @TempDir private Path folder;

  /** A kind of device that a jar beside the kernels could bring. */
  public static final class Toys implements DeviceProvider {
    @Override
    public String kind() {
      return "toy";
    }

    @Override
    public List<Probe> probe() {
      return List.of(new Probe("toy:0", true, "made of wood", null, false));
    }

    @Override
    public Device open(int number, DeviceOptions options) {
      throw new DeviceException("toy %d in %s".formatted(number, options.precision()));
    }
  }

  @Test
  void aProviderIsFoundByItsServiceFile() throws IOException {
    withService(
        Toys.class.getName(),
        () -> {
          assertThat(Devices.probe()).extracting(Probe::id).contains("toy:0");
          DeviceOptions options = DeviceOptions.defaults().with(Precision.F16);
          assertThatThrownBy(() -> Devices.open("toy:12", options)).hasMessage("toy 12 in F16");
        });
    assertThatThrownBy(() -> Devices.open("toy:12")).hasMessageContaining("no device 'toy:12'");
  }

  @Test
  void autoNeverMeansAProvidedDevice() throws IOException {
    withService(
        Toys.class.getName(),
        () -> {
          List<String> accepted =
              Devices.probe().stream().filter(Probe::accepted).map(Probe::id).toList();
          assertThat(accepted.indexOf("toy:0")).isGreaterThan(accepted.indexOf("jvm"));
          try (Device auto = Devices.open("auto")) {
            assertThat(auto.info().id()).isEqualTo(accepted.getFirst());
          }
        });
  }

  @Test
  void aProviderThatCannotBeLoadedIsNamed() throws IOException {
    withService(
        "dev.offramp.Missing",
        () ->
            assertThatThrownBy(() -> Devices.open("toy:0"))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("dev.offramp.Missing"));
  }

  @Test
  void withoutItsProviderTornadoVmIsDeclinedWithWhatIsMissing() {
    assertThat(Devices.probe())
        .filteredOn(probe -> probe.id().equals("tornado"))
        .singleElement()
        .satisfies(probe -> {
          assertThat(probe.accepted()).isFalse();
          assertThat(probe.reason()).contains("TORNADOVM_HOME");
          assertThatThrownBy(() -> Devices.open("tornado:0"))
              .isInstanceOf(DeviceException.class)
              .hasMessageContaining(probe.reason());
        });
  }

  @Test
  void whatIsMissingIsSaidAsFarAsItCanBeTold() {
    assertThat(Providers.missing(null, null)).contains("TORNADOVM_HOME is not set");
    assertThat(Providers.missing(null, "")).contains("TORNADOVM_HOME is not set");
    assertThat(Providers.missing(null, "/sdk")).contains("offramp launcher");
    assertThat(Providers.missing("No argument file.", "/sdk")).isEqualTo("No argument file.");
  }

  private void withService(String implementation, Runnable test) throws IOException {
    Path file = folder.resolve("META-INF/services").resolve(DeviceProvider.class.getName());
    Files.createDirectories(file.getParent());
    Files.writeString(file, implementation);
    Thread thread = Thread.currentThread();
    ClassLoader usual = thread.getContextClassLoader();
    try (var loader = new URLClassLoader(new URL[] {folder.toUri().toURL()}, usual)) {
      thread.setContextClassLoader(loader);
      test.run();
    } finally {
      thread.setContextClassLoader(usual);
    }
  }
}
