package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/**
 * A JVM that may not call native code, as later versions of Java are announced to be by default.
 */
class NativeAccessTest {
  @Test
  void whatNeedsNativeCodeIsDeclinedAndAutoIsTheProcessor()
      throws IOException, InterruptedException {
    Process process = OtherJvm.running(Print.class, "--illegal-native-access=deny").start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    String why =
        " Java may not call native code here; start it with --enable-native-access=ALL-UNNAMED.";
    assertThat(output.lines())
        .contains("cuda false" + why, "opencl false" + why, "auto is jvm")
        .contains("There is no device 'cuda:0'." + why, "There is no device 'opencl:0'." + why);
  }

  static final class Print {
    private Print() {}

    public static void main(String[] arguments) {
      for (Probe probe : Devices.probe()) {
        System.out.println(probe.id() + " " + probe.accepted() + " " + probe.reason());
      }
      try (Device device = Devices.open("auto")) {
        System.out.println("auto is " + device.info().id());
      }
      for (String id : new String[] {"cuda:0", "opencl:0"}) {
        try {
          Devices.open(id).close();
        } catch (DeviceException e) {
          System.out.println(e.getMessage());
        }
      }
    }
  }
}
