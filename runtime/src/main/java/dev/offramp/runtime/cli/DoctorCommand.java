package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Probe;
import dev.offramp.models.InputException;
import dev.offramp.runtime.io.Console;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = {
      "Says which devices were probed, why each was accepted or declined, and which one is auto.",
      "With --self-test it runs every operation of one device on random data at odd sizes, compares"
          + " with plain loops in double precision, and ends with exit code 1 if one is wrong."
    },
    footer = {
      "",
      "Examples:",
      "  offramp doctor --json",
      "  offramp doctor --self-test --device auto",
      "  offramp doctor --self-test --device cuda:0 --precision f16",
      "  TORNADOVM_HOME=$HOME/tornadovm offramp doctor --self-test --device tornado:0"
    })
final class DoctorCommand implements Callable<Integer> {
  private static final List<String> OF_SELF_TEST =
      List.of("--device", "--threads", "--precision", "--seed");

  @Option(names = "--self-test", description = "check every operation of --device")
  boolean selfTest;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "repeats the numbers of a self-test (default: new ones)")
  Long seed;

  @Mixin DeviceOption device;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (selfTest) {
      return selfTest();
    }
    for (String option : OF_SELF_TEST) {
      if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
        throw InputException.in(null, option, "is an option of the self-test; add --self-test");
      }
    }
    probe();
    return ExitCode.OK;
  }

  private int selfTest() {
    try (Device opened = device.open()) {
      SelfTestReport report =
          SelfTestReport.run(opened, seed == null ? System.nanoTime() : seed.longValue());
      return tell(report, json);
    }
  }

  /** Prints the report and gives the exit code. */
  static int tell(SelfTestReport report, boolean json) {
    if (json) {
      Console.json(report.json());
    } else {
      System.out.print(report.table());
    }
    report.failures().forEach(Console::say);
    return report.passed() ? ExitCode.OK : ExitCode.SOFTWARE;
  }

  private void probe() {
    JsonObject document = new JsonObject();
    Runtime vm = Runtime.getRuntime();
    document.addProperty("version", Main.Version.version());
    document.addProperty(
        "java",
        System.getProperty("java.runtime.version") + " " + System.getProperty("java.vm.name"));
    document.addProperty(
        "system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    document.addProperty("processors", vm.availableProcessors());
    document.addProperty("heapLimitBytes", vm.maxMemory());
    JsonArray devices = new JsonArray();
    List<Probe> probes = Devices.probe();
    for (Probe probe : probes) {
      JsonObject found = new JsonObject();
      found.addProperty("device", probe.id());
      found.addProperty("accepted", probe.accepted());
      found.addProperty("detail", probe.reason());
      devices.add(found);
    }
    document.add("devices", devices);
    // The order of the probes is that of preference, and jvm is always there.
    String auto = probes.stream().filter(Probe::accepted).findFirst().orElseThrow().id();
    document.addProperty("auto", auto);
    if (json) {
      Console.json(document);
    } else {
      for (String name : List.of("version", "java", "system", "processors")) {
        tell(name, document.get(name).getAsString());
      }
      tell("heap limit", "%,d MiB".formatted(vm.maxMemory() >> 20));
      for (Probe probe : probes) {
        tell(probe.id(), (probe.accepted() ? "accepted: " : "declined: ") + probe.reason());
      }
      tell("auto", "means " + auto);
    }
  }

  private static void tell(String name, String value) {
    System.out.printf("%-12s %s%n", name, value);
  }
}
