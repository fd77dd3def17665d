package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.selftest.SelfTest;
import dev.offramp.kernels.selftest.SelfTest.Result;
import dev.offramp.runtime.io.Console;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** What a self-test of a device showed. */
record SelfTestReport(DeviceInfo device, long seed, List<Result> results) {

  static SelfTestReport run(Device device, long seed) {
    List<Result> results =
        Console.progress(
            "self-test",
            SelfTest.size(),
            done -> {
              AtomicInteger finished = new AtomicInteger();
              return SelfTest.run(device, seed, result -> done.accept(finished.incrementAndGet()));
            });
    return new SelfTestReport(device.info(), seed, results);
  }

  boolean passed() {
    return results.stream().allMatch(Result::passed);
  }

  /** A sentence for each case that failed. */
  List<String> failures() {
    return results.stream()
        .filter(result -> !result.passed())
        .map(result ->
            "FAILED %s, %s: %s; repeat with --seed %d"
                .formatted(result.operation(), result.shape(), result.message(), seed))
        .toList();
  }

  /** A line for each operation. */
  String table() {
    StringBuilder table = new StringBuilder();
    table.append(
        "%s in %s, %s, seed %d%n%n"
            .formatted(device.id(), device.precision(), device.description(), seed));
    Map<String, List<Result>> operations = byOperation();
    int width = operations.keySet().stream().mapToInt(String::length).max().orElse(0);
    String operationColumn = "%-" + Math.max(width, "operation".length()) + "s";
    table.append(
        (operationColumn + " %6s %12s %10s%n")
            .formatted("operation", "cases", "worst error", "tolerance"));
    operations.forEach((operation, cases) ->
        table.append(
            (operationColumn + " %6d %12.1e %10.1e  %s%n")
                .formatted(
                    operation,
                    cases.size(),
                    worst(cases),
                    cases.getFirst().tolerance(),
                    cases.stream().allMatch(Result::passed) ? "ok" : "FAILED")));
    table.append(
        """

        error: largest difference from plain loops in doubles, relative to max(1, |value|);
        independence: of a row's values in different batches
        """);
    return table.toString();
  }

  JsonObject json() {
    JsonObject document = new JsonObject();
    document.addProperty("device", device.id());
    document.addProperty("description", device.description());
    document.addProperty("precision", device.precision().name());
    document.addProperty("seed", seed);
    document.addProperty("passed", passed());
    JsonArray operations = new JsonArray();
    byOperation()
        .forEach((operation, cases) -> {
          JsonObject line = new JsonObject();
          line.addProperty("operation", operation);
          line.addProperty("cases", cases.size());
          line.addProperty("worstError", finite(worst(cases)));
          line.addProperty("tolerance", cases.getFirst().tolerance());
          line.addProperty("passed", cases.stream().allMatch(Result::passed));
          operations.add(line);
        });
    document.add("operations", operations);
    JsonArray cases = new JsonArray();
    for (Result result : results) {
      JsonObject line = new JsonObject();
      line.addProperty("operation", result.operation());
      line.addProperty("shape", result.shape());
      line.addProperty("error", finite(result.error()));
      line.addProperty("tolerance", result.tolerance());
      line.addProperty("passed", result.passed());
      line.addProperty("message", result.message());
      cases.add(line);
    }
    document.add("cases", cases);
    return document;
  }

  private Map<String, List<Result>> byOperation() {
    return results.stream()
        .collect(Collectors.groupingBy(Result::operation, LinkedHashMap::new, Collectors.toList()));
  }

  private static double worst(List<Result> cases) {
    return cases.stream().mapToDouble(Result::error).max().orElse(0);
  }

  /** Infinity, which JSON cannot say, becomes null. */
  private static Double finite(double error) {
    return Double.isFinite(error) ? error : null;
  }
}
