package dev.offramp.runtime.cli;

import com.google.gson.JsonObject;
import dev.offramp.calibrate.Calibration;
import dev.offramp.calibrate.Calibrator;
import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.ExitTable;
import dev.offramp.calibrate.Grid;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Method;
import dev.offramp.calibrate.Risk;
import dev.offramp.calibrate.Settings;
import dev.offramp.kernels.Device;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.TextData;
import dev.offramp.runtime.engine.Engine;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "calibrate",
    mixinStandardHelpOptions = true,
    description = {
      "Chooses the exit threshold whose risk is controlled.",
      "Writes certificate.json into the model directory. The calibration data must be fresh: not used for training, and of the kind",
      "that the model will serve."
    },
    footer = {
      "",
      "Examples:",
      "  offramp calibrate --model classifier --data calibration.tsv --epsilon 0.05 --delta 0.1",
      "  offramp calibrate --model classifier --data labelled.tsv --risk prediction-gap"
          + " --epsilon 0.02 --method ltt-hb"
    })
final class CalibrateCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--data",
      required = true,
      arity = "1..*",
      paramLabel = "CAL",
      description = "calibration data: .tsv, .txt, each also .gz")
  List<Path> data;

  @Option(
      names = "--risk",
      paramLabel = "R",
      defaultValue = "prediction-consistency",
      description =
          "prediction-consistency (no labels needed) or prediction-gap (default:"
              + " ${DEFAULT-VALUE})")
  String risk;

  @Option(
      names = "--epsilon",
      required = true,
      paramLabel = "E",
      description = "the risk that is acceptable, for example 0.05")
  double epsilon;

  @Option(
      names = "--delta",
      paramLabel = "D",
      defaultValue = "0.1",
      description = "probability with which the guarantee may fail (default: ${DEFAULT-VALUE})")
  double delta;

  @Option(
      names = "--method",
      paramLabel = "M",
      defaultValue = "ltt-hb",
      description = "ltt-hb, or naive, which guarantees nothing (default: ${DEFAULT-VALUE})")
  String method;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      description = "rows a batch (default: ${DEFAULT-VALUE})")
  int batch;

  @Mixin DeviceOption device;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Override
  public Integer call() throws IOException {
    Risk chosenRisk = Risk.of(risk);
    Method chosenMethod = Method.of(method);
    try (ModelDirectory directory = ModelDirectory.open(model);
        Device opened = device.open()) {
      Inputs inputs = Inputs.read(data, directory);
      int[] labels =
          chosenRisk.needsLabels() ? inputs.classes(directory.config(), data.getFirst()) : null;
      ExitTable table = observe(directory, opened, inputs, batch);
      tellExits(directory.config(), table, inputs);
      Calibration calibration =
          Calibrator.calibrate(
              LossTable.of(chosenRisk, table, labels, Grid.uniform()),
              new Settings(chosenMethod, epsilon, delta));
      Certificate certificate =
          new Certificate(
              chosenRisk,
              calibration,
              calibration.thresholds(directory.config().exits().size() - 1),
              directory.hash(),
              TextData.hash(data),
              opened.info().id(),
              "F32",
              Main.Version.version(),
              Instant.now().truncatedTo(ChronoUnit.SECONDS));
      Path file = model.resolve(ModelDirectory.CERTIFICATE);
      certificate.write(file);
      report(calibration, chosenRisk, file);
    }
    return 0;
  }

  /** Exit outputs of all inputs under a progress bar. */
  public static ExitTable observe(ModelDirectory model, Device device, Inputs inputs, int batch) {
    Guard.requireHeads(model);
    try (Engine engine = Engine.open(model, device, batch, inputs.longest())) {
      return Console.progress(
          "exits of all samples",
          inputs.size(),
          done -> engine.observe(inputs.tokens(), batch, done));
    }
  }

  /** Accuracy, where there are labels, and agreement with the full model of every exit. */
  private void tellExits(ModelConfig config, ExitTable table, Inputs inputs) {
    int[] labels = inputs.labelledBy(config) ? inputs.classes(config, data.getFirst()) : null;
    int[] full = table.prediction()[table.exits() - 1];
    for (int exit = 0; exit < table.exits(); exit++) {
      Console.say(
          "exit %d after layer %d: %sagrees with the full model on %.2f %%",
          exit,
          config.exits().get(exit).afterLayer(),
          labels == null
              ? ""
              : "accuracy %.2f %%, ".formatted(share(table.prediction()[exit], labels)),
          share(table.prediction()[exit], full));
    }
  }

  /** Percentage of places where the two are equal. */
  private static double share(int[] some, int[] others) {
    long equal = IntStream.range(0, some.length).filter(i -> some[i] == others[i]).count();
    return 100.0 * equal / some.length;
  }

  private void report(Calibration calibration, Risk chosenRisk, Path file) {
    if (!json) {
      System.out.println(calibration.guarantee());
      if (calibration.fallback()) {
        System.out.println("No certified threshold: " + calibration.reason());
      }
      System.out.printf(
          "lambda %s, empirical risk %.4f on %d samples; written to %s%n",
          calibration.lambda(),
          calibration.empiricalRisk()[calibration.rowIndex()],
          calibration.calibrationSize(),
          file);
      return;
    }
    JsonObject document = new JsonObject();
    document.addProperty("method", calibration.method().id());
    document.addProperty("risk", chosenRisk.id());
    document.addProperty("epsilon", calibration.epsilon());
    document.addProperty("delta", calibration.delta());
    document.addProperty("calibrationSize", calibration.calibrationSize());
    document.addProperty("rowIndex", calibration.rowIndex());
    document.addProperty("lambda", calibration.lambda());
    document.addProperty("fallback", calibration.fallback());
    document.addProperty("reason", calibration.reason());
    document.addProperty("guarantee", calibration.guarantee());
    document.addProperty("epsilonMin", calibration.epsilonMin());
    document.addProperty("empiricalRisk", calibration.empiricalRisk()[calibration.rowIndex()]);
    document.addProperty("certificate", file.toAbsolutePath().normalize().toString());
    Console.json(document);
  }
}
