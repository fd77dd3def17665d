package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.Thresholds;
import dev.offramp.runtime.engine.Network;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import dev.offramp.runtime.io.ProcessMemory;
import dev.offramp.runtime.scheduler.BulkRunner;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = "Classifies inputs, exiting early where the certificate allows it.",
    footer = {
      "",
      "Examples:",
      "  offramp run --model classifier --input questions.txt",
      "  offramp run --model classifier --input test.tsv.gz --batch 128 --json",
      "  offramp run --model classifier --input test.tsv.gz --full-depth",
      "  offramp run --model cifar-exits --input photos --skip-bad --json"
    })
final class RunCommand implements Callable<Integer> {
  private static final Pattern SPECIAL = Pattern.compile("[\\\\\\p{Cc}]");

  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--input",
      required = true,
      arity = "1..*",
      paramLabel = "FILES",
      description = {
        "texts: .txt (one a line) or .tsv with a text column, each also .gz;",
        "images: PNG or JPEG files, folders of them, folders of such folders (their names are"
            + " labels), CIFAR-10's .bin and MNIST's idx3 files, both also .gz"
      })
  List<Path> input;

  @Option(
      names = "--skip-bad",
      description = "images: name those that cannot be read, leave them out and go on")
  boolean skipBad;

  @Mixin BatchOption batch;
  @Mixin DeviceOption device;
  @Mixin Guard guard;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Override
  public Integer call() {
    batch.check();
    guard.check();
    try (ModelDirectory directory = ModelDirectory.open(model);
        Device opened = device.open()) {
      Thresholds thresholds = guard.resolve(directory, opened.info());
      List<String> skipped = new ArrayList<>();
      Inputs inputs = read(directory, skipped);
      int rows = batch.rows(inputs.size());
      List<Outcome> outcomes;
      double seconds;
      try (Network network = Network.open(directory, opened);
          BulkRunner runner =
              new BulkRunner(network, thresholds.thresholds(), rows, inputs.longest())) {
        long start = System.nanoTime();
        outcomes = Console.progress("run", inputs.size(), done -> runner.run(inputs.rows(), done));
        seconds = (System.nanoTime() - start) / 1e9;
        for (int i = 0; i < outcomes.size(); i++) {
          if (Float.isNaN(outcomes.get(i).confidence())) {
            throw network.noNumber(outcomes.get(i).exit(), i);
          }
        }
      }
      report(directory.config(), opened, inputs, skipped, thresholds, outcomes, seconds);
    }
    return 0;
  }

  private Inputs read(ModelDirectory directory, List<String> skipped) {
    if (!skipBad) {
      return Inputs.read(input, directory);
    }
    if (directory.config().takesTexts()) {
      throw InputException.in(null, "--skip-bad", "is for images; the model takes texts");
    }
    return Inputs.images(
        input,
        directory.config(),
        problem -> {
          Console.say("skipped: %s", problem.getMessage());
          skipped.add(problem.getMessage());
        });
  }

  private void report(
      ModelConfig config,
      Device opened,
      Inputs inputs,
      List<String> skipped,
      Thresholds thresholds,
      List<Outcome> outcomes,
      double seconds) {
    int[] histogram = new int[config.exits().size()];
    outcomes.forEach(outcome -> histogram[outcome.exit()]++);
    double depth =
        outcomes.stream()
            .mapToInt(outcome -> config.exits().get(outcome.exit()).afterLayer())
            .average()
            .orElseThrow();
    double throughput = outcomes.size() / seconds;
    long peak = ProcessMemory.peakResidentBytes();
    Double accuracy = accuracy(config, inputs, outcomes);
    if (json) {
      JsonObject document = new JsonObject();
      document.addProperty("model", model.toAbsolutePath().normalize().toString());
      document.addProperty("device", opened.info().id());
      document.addProperty("precision", opened.info().precision().name());
      document.addProperty("samples", outcomes.size());
      document.add("certificate", certificate(thresholds));
      document.add("results", results(config, inputs, outcomes));
      if (skipBad) {
        JsonArray bad = new JsonArray();
        skipped.forEach(bad::add);
        document.add("skipped", bad);
      }
      JsonArray counts = new JsonArray();
      Arrays.stream(histogram).forEach(counts::add);
      document.add("exitHistogram", counts);
      document.addProperty("meanDepth", depth);
      document.addProperty("throughput", throughput);
      document.addProperty("accuracy", accuracy);
      document.addProperty("peakResidentBytes", peak < 0 ? null : peak);
      Console.json(document);
    } else {
      System.out.print(table(config, inputs, outcomes));
    }
    Console.say(
        "%d samples, mean depth %.2f of %d layers, exits %s, %.0f samples/s%s",
        outcomes.size(),
        depth,
        config.architecture().layers(),
        Arrays.toString(histogram),
        throughput,
        peak < 0 ? "" : ", peak resident memory %d MB".formatted(peak >> 20));
    if (accuracy != null) {
      Console.say("accuracy %.2f %%", 100 * accuracy);
    }
  }

  private static JsonArray results(ModelConfig config, Inputs inputs, List<Outcome> outcomes) {
    JsonArray results = new JsonArray();
    for (int i = 0; i < outcomes.size(); i++) {
      Outcome outcome = outcomes.get(i);
      JsonObject result = new JsonObject();
      result.addProperty("index", i);
      if (!inputs.sources().isEmpty()) {
        result.addProperty("source", inputs.sources().get(i));
      }
      result.addProperty("prediction", outcome.prediction());
      result.addProperty("label", config.labels().get(outcome.prediction()));
      result.addProperty("confidence", outcome.confidence());
      result.addProperty("exit", outcome.exit());
      results.add(result);
    }
    return results;
  }

  private static String table(ModelConfig config, Inputs inputs, List<Outcome> outcomes) {
    boolean named = !inputs.sources().isEmpty();
    StringBuilder table = new StringBuilder("index\tlabel\tconfidence\texit");
    table.append(named ? "\tsource\n" : "\n");
    for (int i = 0; i < outcomes.size(); i++) {
      Outcome outcome = outcomes.get(i);
      table.append(
          "%d\t%s\t%.4f\t%d%s%n"
              .formatted(
                  i,
                  config.labels().get(outcome.prediction()),
                  outcome.confidence(),
                  outcome.exit(),
                  named ? "\t" + escaped(inputs.sources().get(i)) : ""));
    }
    return table.toString();
  }

  /** A file may be called what would break a table's lines and columns. */
  private static String escaped(String source) {
    return SPECIAL
        .matcher(source)
        .replaceAll((MatchResult found) ->
            Matcher.quoteReplacement(
                switch (found.group().charAt(0)) {
                  case '\\' -> "\\\\";
                  case '\t' -> "\\t";
                  case '\n' -> "\\n";
                  case '\r' -> "\\r";
                  default -> "\\u%04x".formatted((int) found.group().charAt(0));
                }));
  }

  /** Share of right answers, or null where there are no labels to tell by. */
  private Double accuracy(ModelConfig config, Inputs inputs, List<Outcome> outcomes) {
    if (!inputs.labelledBy(config)) {
      return null;
    }
    int[] classes = inputs.classes(config, input);
    long right = 0;
    for (int i = 0; i < classes.length; i++) {
      right += outcomes.get(i).prediction() == classes[i] ? 1 : 0;
    }
    return (double) right / classes.length;
  }

  private static JsonObject certificate(Thresholds thresholds) {
    if (thresholds.certificate() == null) {
      return null;
    }
    JsonObject document = new JsonObject();
    document.addProperty("file", thresholds.file().toAbsolutePath().normalize().toString());
    document.addProperty("id", thresholds.certificate().id());
    document.addProperty("method", thresholds.certificate().calibration().method().id());
    document.addProperty("risk", thresholds.certificate().risk().id());
    document.addProperty("epsilon", thresholds.certificate().calibration().epsilon());
    document.addProperty("delta", thresholds.certificate().calibration().delta());
    boolean vector = thresholds.certificate().calibration().isVector();
    document.addProperty("lambda", vector ? null : thresholds.certificate().calibration().lambda());
    if (vector) {
      JsonArray ofExits = new JsonArray();
      Arrays.stream(thresholds.thresholds()).forEach(ofExits::add);
      document.add("thresholds", ofExits);
    }
    document.addProperty("guarantee", thresholds.certificate().calibration().guarantee());
    return document;
  }
}
