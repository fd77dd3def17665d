package dev.offramp.runtime.cli;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import dev.offramp.calibrate.Calibration;
import dev.offramp.calibrate.Calibrator;
import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.Fwer;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Method;
import dev.offramp.calibrate.Planner;
import dev.offramp.calibrate.Settings;
import dev.offramp.models.InputException;
import dev.offramp.models.TextData;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "calibrate",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Chooses the exit threshold whose risk is controlled.",
      "For a model directory it writes certificate.json; for a model that runs elsewhere, whose"
          + " losses you give, it prints what it chose. The calibration data must be fresh: not used"
          + " for training, and of the kind that the model will serve."
    },
    footer = {
      "",
      "Examples:",
      "  offramp calibrate --model classifier --data calibration.tsv --epsilon 0.05 --delta 0.1",
      "  offramp calibrate --model classifier --data labelled.tsv --method ltt-wsr \\",
      "    --risk prediction-gap=0.02,brier-consistency=0.1",
      "  offramp calibrate --model classifier --data calibration.tsv --epsilon 0.05 --per-exit",
      "  offramp calibrate --losses losses.npy --lambdas grid.csv --epsilon 0.05 --method ucb-wsr"
          + " --json"
    })
final class CalibrateCommand implements Callable<Integer> {
  private static final Gson GSON = new Gson();

  @ArgGroup(exclusive = false, heading = "%nA model directory:%n")
  ModelOptions model;

  @ArgGroup(exclusive = false, heading = "%nOr losses of a model that runs elsewhere:%n")
  LossOptions losses;

  @Option(
      names = "--epsilon",
      paramLabel = "E",
      description = "the risk that is acceptable, for example 0.05")
  Double epsilon;

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
      description = {
        "high probability: ltt-hb, ltt-binomial, ltt-wsr, ucb-wsr, ucb-hb, ucb-hoeffding,"
            + " ucb-binomial; on average: crc, crc-samplewise; no guarantee: naive (default:"
            + " ${DEFAULT-VALUE})"
      })
  String method;

  @Option(
      names = "--fwer",
      paramLabel = "F",
      description =
          "for the ltt methods: fixed-sequence, bonferroni, holm, multi-start, graphical or split"
              + " (default: fixed-sequence, with --per-exit split)")
  String fwer;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "0",
      description =
          "draws, together with the data, the order in which the samples of a model directory count,"
              + " which the -wsr methods look at, and the halves of --fwer split and --per-exit"
              + " (default: ${DEFAULT-VALUE})")
  long seed;

  @Mixin DeviceOption device;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if ((model == null) == (losses == null)) {
      throw InputException.in(
          null,
          "calibrate",
          "give either a model directory (--model, --data) or the losses of a model that runs"
              + " elsewhere (--losses, --lambdas)"
              + (model == null ? "" : "; the two exclude each other"));
    }
    if (losses != null) {
      DeviceOption.refuse(spec);
      double level = RequestedRisk.given(epsilon, losses.bound());
      settings(level, seed); // What is wrong with it shows before the data is read.
      LossTable table = losses.read();
      String hash = TextData.hash(List.of(losses.losses));
      Settings settings = settings(level, Inputs.seed(seed, hash));
      if (settings.method().bets()) {
        Console.say(
            "%s takes the samples in the order of the columns: if that has to do with their losses,"
                + " as where samples are sorted by class, shuffle the columns first",
            method);
      }
      tellShortfall(settings, table.samples(), table.rows(), table.bound());
      report(Calibrator.calibrate(table, settings), List.of(), null);
      return 0;
    }
    List<RequestedRisk> risks = RequestedRisk.parse(model.risks, epsilon);
    // Made before the pass over the data: what is wrong with a level shows now.
    model.check(risks, Method.of(method), fwer);
    List<Settings> ofRisk = risks.stream().map(risk -> settings(risk.epsilon(), seed)).toList();
    ModelCalibration.Result result = new ModelCalibration(model, risks, ofRisk, device).run();
    report(result.certificate().calibration(), risks, result);
    if (!result.written()) {
      Certificate kept = result.kept();
      Console.say(
          "offramp: %s: kept as it is: it lets samples leave early (%s, epsilon %s, of %s), and this"
              + " calibration certifies no threshold. Where these samples are more like those to come,"
              + " its result is the one to go by: pass --overwrite for one that never exits. Keeping"
              + " the nicer of two results is not covered by delta",
          result.file(), kept.risk().id(), kept.calibration().epsilon(), kept.created());
      return Main.NO_GUARANTEE;
    }
    return 0;
  }

  private Settings settings(double level, long seed) {
    boolean split = model != null && model.perExit;
    Fwer chosen = fwer != null ? Fwer.of(fwer) : split ? Fwer.SPLIT : Fwer.FIXED_SEQUENCE;
    return new Settings(Method.of(method), chosen, level, delta, seed);
  }

  /** Says so if samples without any loss could not certify the level. */
  static void tellShortfall(Settings settings, int samples, int rows, double bound) {
    new Planner(settings.method(), settings.fwer(), settings.delta(), rows, bound, 0)
        .shortfall(settings.epsilon(), samples)
        .ifPresent(reason -> Console.say("expect never exit: %s", reason));
  }

  private static JsonObject document(
      Calibration calibration, List<RequestedRisk> risks, ModelCalibration.Result result) {
    JsonObject document = new JsonObject();
    document.addProperty("method", calibration.method().id());
    document.addProperty("fwer", calibration.fwer() == null ? null : calibration.fwer().id());
    if (!risks.isEmpty()) {
      document.addProperty("risk", risks.getFirst().risk().id());
    }
    document.addProperty("lossBound", calibration.lossBound());
    document.addProperty("epsilon", calibration.epsilon());
    document.addProperty("delta", calibration.delta());
    document.addProperty("calibrationSize", calibration.calibrationSize());
    document.addProperty("rowIndex", calibration.rowIndex());
    document.addProperty("lambda", calibration.isVector() ? null : calibration.lambda());
    document.addProperty("fallback", calibration.fallback());
    document.addProperty("reason", calibration.reason());
    document.addProperty("guarantee", calibration.guarantee());
    document.addProperty("epsilonMin", calibration.epsilonMin());
    document.addProperty("empiricalRisk", calibration.empiricalRisk()[calibration.rowIndex()]);
    document.add("furtherRisks", GSON.toJsonTree(calibration.furtherRisks()));
    if (result == null) {
      // There is no certificate to look them up in.
      document.add("acceptedRows", GSON.toJsonTree(calibration.acceptedRows()));
      document.add("pValues", GSON.toJsonTree(calibration.pValues()));
      document.add("upperBounds", GSON.toJsonTree(calibration.upperBounds()));
    } else {
      document.add("thresholds", GSON.toJsonTree(result.certificate().thresholds()));
      document.addProperty(
          "certificate",
          result.written() ? result.file().toAbsolutePath().normalize().toString() : null);
    }
    return document;
  }

  private void report(
      Calibration calibration, List<RequestedRisk> risks, ModelCalibration.Result result) {
    if (json) {
      Console.json(document(calibration, risks, result));
      return;
    }
    System.out.println(calibration.guarantee());
    if (calibration.fallback()) {
      System.out.println("No certified threshold: " + calibration.reason());
    }
    String chosen =
        result == null || !calibration.isVector()
            ? "lambda " + calibration.lambda()
            : "thresholds " + Arrays.toString(result.certificate().thresholds());
    System.out.printf(
        "%s, empirical risk %.4f on %d samples%s%n",
        chosen,
        calibration.empiricalRisk()[calibration.rowIndex()],
        calibration.calibrationSize(),
        result == null || !result.written() ? "" : "; written to " + result.file());
    if (result != null) {
      System.out.println(result.depth());
    }
  }
}
