package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Device;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** Devices on which one thing has gone wrong. */
final class Faults {
  private Faults() {}

  /** One thing gone wrong, which cases of that operation must show. */
  record Fault(String operation, String what, Function<Device, Device> device) {
    @Override
    public String toString() {
      return operation + ": " + what;
    }
  }

  static Stream<Fault> all() {
    return Stream.of(ValueFaults.all(), ImageFaults.all(), PlumbingFaults.all())
        .flatMap(List::stream);
  }
}
