package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Probe;
import dev.offramp.runtime.io.Console;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = "Says which devices were probed and why each was accepted or declined.",
    footer = {"", "Example:", "  offramp doctor --json"})
final class DoctorCommand implements Callable<Integer> {
  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Override
  public Integer call() {
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
      JsonObject device = new JsonObject();
      device.addProperty("device", probe.id());
      device.addProperty("accepted", probe.accepted());
      device.addProperty("detail", probe.reason());
      devices.add(device);
    }
    document.add("devices", devices);
    if (json) {
      Console.json(document);
    } else {
      document
          .asMap()
          .forEach((name, value) -> {
            if (!name.equals("devices")) {
              System.out.printf("%-15s %s%n", name, value.getAsString());
            }
          });
      for (Probe probe : probes) {
        System.out.printf(
            "%-15s %s: %s%n",
            probe.id(), probe.accepted() ? "accepted" : "declined", probe.reason());
      }
    }
    return 0;
  }
}
