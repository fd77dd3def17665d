package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.offramp.calibrate.Fwer;
import dev.offramp.calibrate.Method;
import dev.offramp.calibrate.Planner;
import dev.offramp.models.InputException;
import dev.offramp.runtime.io.Console;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Says how much calibration data a guarantee needs, before any is collected.",
      "With --epsilon: the fewest samples that can certify it. With --samples: the smallest epsilon"
          + " that so many can certify. By default no loss at all is expected, so it is the least"
          + " that could ever do. With --expected-risk it is what does if the samples show exactly"
          + " that risk, losses rounded up to whole ones; they will show more about half of the"
          + " time, so collect more."
    },
    footer = {
      "",
      "Examples:",
      "  offramp plan --epsilon 0.05 --delta 0.1",
      "  offramp plan --epsilon 0.05 --expected-risk 0.03 --method ltt-binomial,ucb-wsr",
      "  offramp plan --samples 1000"
    })
final class PlanCommand implements Callable<Integer> {
  @Option(names = "--epsilon", paramLabel = "E", description = "the risk that is acceptable")
  Double epsilon;

  @Option(names = "--samples", paramLabel = "N", description = "calibration samples there will be")
  Integer samples;

  @Option(
      names = "--delta",
      paramLabel = "D",
      defaultValue = "0.1",
      description = "probability with which the guarantee may fail (default: ${DEFAULT-VALUE})")
  double delta;

  @Option(
      names = "--expected-risk",
      paramLabel = "R",
      defaultValue = "0",
      description =
          "mean loss at the threshold to be certified; losses are taken to be 0 or the bound"
              + " (default: ${DEFAULT-VALUE})")
  double risk;

  @Option(
      names = "--bound",
      paramLabel = "B",
      defaultValue = "1",
      description = "largest loss possible, 2 for Brier losses (default: ${DEFAULT-VALUE})")
  double bound;

  @Option(
      names = "--method",
      split = ",",
      paramLabel = "M",
      description = "methods, separated by commas (default: all that promise something)")
  List<String> methods;

  @Option(
      names = "--fwer",
      paramLabel = "F",
      defaultValue = "fixed-sequence",
      description = "how the ltt methods share delta, see calibrate (default: ${DEFAULT-VALUE})")
  String fwer;

  @Option(
      names = "--rows",
      paramLabel = "K",
      defaultValue = "201",
      description = "thresholds that are tried, for --fwer (default: ${DEFAULT-VALUE})")
  int rows;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Override
  public Integer call() {
    if (epsilon == null && samples == null) {
      throw InputException.in(null, "plan", "give --epsilon, or --samples, or both");
    }
    LossOptions.checkBound(bound);
    if (epsilon != null) {
      RequestedRisk.check("--epsilon", epsilon, bound);
      if (risk >= epsilon) {
        throw InputException.in(
            null,
            "--expected-risk " + risk,
            ("the expected risk is not below --epsilon %s, so no number of samples will do; accept"
                    + " a larger epsilon")
                .formatted(epsilon));
      }
    }
    Fwer.of(fwer);
    List<Method> asked = methods();
    if (asked.contains(Method.NAIVE)) {
      Console.say("naive promises nothing, however many samples there are");
    }
    JsonArray lines = new JsonArray();
    asked.forEach(method -> lines.add(line(method)));
    if (json) {
      JsonObject document = new JsonObject();
      document.addProperty("epsilon", epsilon);
      document.addProperty("delta", delta);
      document.addProperty("expectedRisk", risk);
      document.addProperty("lossBound", bound);
      document.addProperty("samples", samples);
      document.add("methods", lines);
      Console.json(document);
    } else {
      print(lines);
    }
    return 0;
  }

  private List<Method> methods() {
    return methods == null
        ? Arrays.stream(Method.values()).filter(method -> method != Method.NAIVE).toList()
        : methods.stream().map(String::strip).map(Method::of).distinct().toList();
  }

  private JsonObject line(Method method) {
    Fwer shared = method.tests() ? Fwer.of(fwer) : Fwer.FIXED_SEQUENCE;
    Planner planner = new Planner(method, shared, delta, rows, bound, risk);
    JsonObject line = new JsonObject();
    line.addProperty("method", method.id());
    if (epsilon != null) {
      OptionalInt needed = planner.samplesNeeded(epsilon);
      if (needed.isPresent()) {
        line.addProperty("samplesNeeded", needed.getAsInt());
      } else {
        line.add("samplesNeeded", JsonNull.INSTANCE);
      }
    }
    if (samples != null) {
      line.addProperty("epsilonMin", planner.epsilonMin(samples));
    }
    return line;
  }

  private void print(JsonArray lines) {
    System.out.printf(
        "%-16s%s%s%n",
        "method",
        epsilon == null ? "" : "%24s".formatted("samples for " + epsilon),
        samples == null ? "" : "%28s".formatted("epsilon of " + samples + " samples"));
    for (var element : lines) {
      JsonObject line = element.getAsJsonObject();
      System.out.printf(
          "%-16s%s%s%n",
          line.get("method").getAsString(),
          epsilon == null ? "" : "%24s".formatted(needed(line)),
          samples == null
              ? ""
              : String.format(Locale.ROOT, "%28.4g", line.get("epsilonMin").getAsDouble()));
    }
  }

  private static String needed(JsonObject line) {
    return line.get("samplesNeeded").isJsonNull()
        ? "not with " + Planner.MOST_SAMPLES
        : line.get("samplesNeeded").getAsString();
  }
}
