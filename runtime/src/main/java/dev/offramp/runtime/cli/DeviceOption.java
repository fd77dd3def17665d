package dev.offramp.runtime.cli;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Precision;
import dev.offramp.models.InputException;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.io.Console;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Options that choose a device. */
final class DeviceOption {
  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "jvm",
      description =
          "jvm, opencl:N, cuda:N, tornado:N where TORNADOVM_HOME is set, or auto for the fastest"
              + " present, never tornado:N (default: ${DEFAULT-VALUE})")
  String id;

  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "f32",
      description = {
        "f32; tf32: factors of matrix products rounded to 10 bits; f16: weights and activations in"
            + " half precision, sums in f32. The jvm device knows f32 only. A certificate holds for"
            + " the precision it was calibrated in (default: ${DEFAULT-VALUE})"
      })
  Precision precision;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "worker threads of the jvm device (default: all processors)")
  Integer threads;

  /**
   * Where losses are read and nothing runs.
   *
   * @throws InputException if a device was named
   */
  static void refuse(CommandSpec command) {
    Stream.of("--device", "--precision", "--threads")
        .filter(command.commandLine().getParseResult()::hasMatchedOption)
        .findFirst()
        .ifPresent(option -> {
          throw InputException.in(
              null, option, "goes with --model; with --losses nothing runs, leave it out");
        });
  }

  /** Opens the device and says so on stderr when it is not running at its best. */
  Device open() {
    return open("--device", id, precision);
  }

  /** Opens another device than the chosen one, in the precision that every device knows. */
  Device openBeside(String other) {
    return open("--against", other, Precision.F32);
  }

  /** Worker threads of the jvm device. */
  int workers() {
    if (threads == null) {
      return DeviceOptions.defaults().threads();
    }
    Range.check("--threads", threads, 1, DeviceOptions.MAX_THREADS);
    return threads;
  }

  private Device open(String option, String id, Precision precision) {
    DeviceOptions options = new DeviceOptions(workers(), precision, Cache.ofDevices());
    Device device;
    try {
      device = Devices.open(id, options);
    } catch (DeviceException e) {
      throw InputException.in(null, option + " " + id, e.getMessage());
    }
    if (!device.info().note().isEmpty()) {
      Console.say(device.info().note());
    }
    return device;
  }
}
