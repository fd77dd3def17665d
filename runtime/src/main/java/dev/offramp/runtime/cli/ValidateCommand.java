package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.calibrate.Fwer;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Method;
import dev.offramp.models.InputException;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.NumberTable;
import dev.offramp.runtime.io.TextFile;
import dev.offramp.runtime.validate.Split;
import dev.offramp.runtime.validate.Validation;
import dev.offramp.runtime.validate.Validation.Outcome;
import dev.offramp.runtime.validate.ValidationReport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "validate",
    mixinStandardHelpOptions = true,
    description = {
      "Shows what methods do on repeated random splits of data: of a loss matrix, or of what a model"
          + " directory says of its inputs.",
      "In every trial each method chooses a threshold on the calibration samples; its risk is then"
          + " measured on all other samples."
    },
    footer = {
      "",
      "Examples:",
      "  offramp validate --losses losses.npy --lambdas grid.csv --epsilon 0.01:0.19:0.01 \\",
      "    --delta 0.1 --method crc,ucb-wsr,ltt-hb --calibration-size 100 --trials 50 --seed 42 \\",
      "    --out table.csv --report report.html",
      "  offramp validate --losses scores.npy --scores --lambdas grid.csv --depths grid.csv \\",
      "    --epsilon 0.05 --method ucb-wsr --splits splits.csv --per-trial trials.csv",
      "  offramp validate --model cifar-exits --data test_batch.bin --risk brier-consistency \\",
      "    --epsilon 0.01:0.2:0.01 --method crc,ucb-wsr,ltt-hb --calibration-size 1000"
    })
final class ValidateCommand implements Callable<Integer> {
  @ArgGroup(exclusive = false, heading = "%nA model directory:%n")
  ModelLosses model;

  @ArgGroup(exclusive = false, heading = "%nOr losses of a model that runs elsewhere:%n")
  LossOptions losses;

  @Option(
      names = "--depths",
      paramLabel = "GRID.csv",
      description =
          "with --losses: mean depth of each row, column mean_exit_layer, or one number a line;"
              + " without it depth and gain are NaN")
  Path depths;

  @Option(
      names = "--epsilon",
      required = true,
      paramLabel = "E",
      converter = Numbers.Parser.class,
      description = "risks that are acceptable: 0.05, or 0.05,0.1, or from:to:step")
  Numbers epsilons;

  @Option(
      names = "--delta",
      paramLabel = "D",
      defaultValue = "0.1",
      description = "probability with which a guarantee may fail (default: ${DEFAULT-VALUE})")
  double delta;

  @Option(
      names = "--method",
      split = ",",
      paramLabel = "M",
      defaultValue = "ltt-hb",
      description = "methods, separated by commas; see calibrate (default: ${DEFAULT-VALUE})")
  List<String> methods;

  @Option(
      names = "--fwer",
      paramLabel = "F",
      defaultValue = "fixed-sequence",
      description =
          "for the ltt methods: fixed-sequence, bonferroni, holm, multi-start, graphical or split"
              + " (default: ${DEFAULT-VALUE})")
  String fwer;

  @Option(
      names = "--calibration-size",
      paramLabel = "N",
      description = "calibration samples of each random split")
  Integer calibrationSize;

  @Option(
      names = "--trials",
      paramLabel = "T",
      description = "number of splits (default: 100, or all of --splits)")
  Integer trials;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "seed of the random splits, and of the halves of --fwer split (default: 0)")
  Long seed;

  @Option(
      names = "--splits",
      paramLabel = "IDS.csv",
      description =
          "splits to use instead of random ones: a line trial,id0,id1,… each, the calibration"
              + " samples in their order, counted from 0")
  Path splits;

  @Option(
      names = "--published-rule",
      description =
          "naive and crc take the last threshold that passes anywhere, as the code published with"
              + " arXiv 2405.20915 does, not the end of the unbroken run")
  boolean publishedRule;

  @Option(
      names = "--out",
      paramLabel = "TABLE.csv",
      description = "where the table goes: a line for each method and epsilon")
  Path out;

  @Option(
      names = "--per-trial",
      paramLabel = "FILE",
      description = "where the trials go: a line for each trial, epsilon and method")
  Path perTrial;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "where a page with the curves goes, HTML")
  Path report;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Mixin DeviceOption device;

  @Spec CommandSpec spec;

  private static final int DEFAULT_TRIALS = 100;

  @Override
  public Integer call() {
    Validation.Plan plan =
        new Validation.Plan(
            methods.stream().map(String::strip).map(Method::of).distinct().toList(),
            Fwer.of(fwer),
            epsilons.values(),
            delta,
            seed(),
            publishedRule);
    checkEffect(plan);
    if ((model == null) == (losses == null)) {
      throw InputException.in(
          null,
          "validate",
          "give either a model directory (--model, --data) or a loss matrix (--losses, --lambdas)"
              + (model == null ? "" : "; the two exclude each other"));
    }
    if (model != null && depths != null) {
      throw InputException.in(null, "--depths", "goes with --losses; a model knows its depths");
    }
    if (model == null) {
      DeviceOption.refuse(spec);
    } else {
      plan.methods().forEach(method -> RequestedRisk.checkMethod(method, model.risk()));
    }
    double bound = model == null ? losses.bound() : model.risk().bound();
    for (double epsilon : epsilons.values()) {
      RequestedRisk.check("--epsilon", epsilon, bound);
    }
    new Outputs(inputs()).file(out).file(perTrial).file(report);
    ModelLosses.Measured measured = model == null ? null : model.measure(device);
    LossTable table = measured == null ? losses.read() : measured.table();
    double[] depthOfRow =
        measured != null ? measured.depthOfRow() : depths == null ? null : depths(table);
    List<Split> drawn = splits(table.samples());
    int size = drawn.getFirst().calibration().length;
    tellUnreachable(plan, table, size);
    Validation validation =
        Console.progress(
            "trials", drawn.size(), done -> Validation.run(table, depthOfRow, drawn, plan, done));
    if (out != null) {
      TextFile.write(out, validation.table());
    }
    if (perTrial != null) {
      TextFile.write(perTrial, validation.perTrial());
    }
    if (report != null) {
      ValidationReport.of(validation, source()).write(report);
    }
    if (json) {
      Console.json(json(validation));
    } else {
      System.out.print(ValidationReport.table(validation));
    }
    return 0;
  }

  private long seed() {
    return seed == null ? 0 : seed;
  }

  /** An option that changes nothing is a misunderstanding. */
  private void checkEffect(Validation.Plan plan) {
    if (publishedRule && plan.methods().stream().noneMatch(Validation.Plan::hasPublishedRule)) {
      throw InputException.in(
          null, "--published-rule", "is of naive and crc; add one to --method, or leave it out");
    }
    boolean halves = plan.fwer() == Fwer.SPLIT && plan.methods().stream().anyMatch(Method::tests);
    if (splits != null && seed != null && !halves) {
      throw InputException.in(
          null, "--seed", "draws random splits, and --splits gives others; leave one out");
    }
  }

  private String source() {
    return model == null
        ? losses.losses.getFileName().toString()
        : model.risk().id() + " of " + model.model.toAbsolutePath().normalize().getFileName();
  }

  private List<Path> inputs() {
    List<Path> files = new ArrayList<>();
    if (model == null) {
      files.addAll(List.of(losses.losses, losses.lambdas));
    } else {
      files.add(model.model);
      files.addAll(model.data);
    }
    Stream.of(depths, splits).filter(Objects::nonNull).forEach(files::add);
    return files;
  }

  private double[] depths(LossTable table) {
    double[] column = NumberTable.read(depths).column("mean_exit_layer");
    if (column.length != table.rows()) {
      throw InputException.in(
          depths,
          "mean_exit_layer",
          "%d depths for %d thresholds; give one for each".formatted(column.length, table.rows()));
    }
    if (!(column[0] > 0)) {
      throw InputException.in(
          depths,
          "mean_exit_layer",
          "row 0, never exit, has depth %s; it must be above 0".formatted(column[0]));
    }
    return column;
  }

  private List<Split> splits(int samples) {
    if (splits == null) {
      if (calibrationSize == null) {
        throw InputException.in(
            null, "--calibration-size", "missing; say how large the calibration sets are");
      }
      return Split.random(
          samples, calibrationSize, trials == null ? DEFAULT_TRIALS : trials, seed());
    }
    List<Split> given = Split.read(splits, samples);
    int size = given.getFirst().calibration().length;
    if (calibrationSize != null && calibrationSize != size) {
      throw InputException.in(
          splits,
          null,
          "the splits have %d calibration samples, not the %d of --calibration-size; leave it out"
              .formatted(size, calibrationSize));
    }
    if (trials != null && (trials < 1 || trials > given.size())) {
      throw InputException.in(
          splits,
          null,
          "holds %d splits; --trials %d must be in [1, %1$d]".formatted(given.size(), trials));
    }
    return trials == null ? given : given.subList(0, trials);
  }

  /** Says at which epsilons samples without any loss would not be enough. */
  private static void tellUnreachable(Validation.Plan plan, LossTable table, int size) {
    for (Method method : plan.methods()) {
      double least = plan.epsilonMin(method, size, table);
      List<String> below =
          Arrays.stream(plan.epsilons())
              .filter(epsilon -> epsilon < least)
              .mapToObj(Double::toString)
              .toList();
      if (!below.isEmpty()) {
        Console.say(
            "%s: %d samples without any loss certify %.4g at best; expect never exit at epsilon %s",
            method.id(), size, least, String.join(", ", below));
      }
    }
  }

  private JsonObject json(Validation validation) {
    JsonObject document = new JsonObject();
    JsonArray rows = new JsonArray();
    for (Outcome outcome : validation.outcomes()) {
      JsonObject row = new JsonObject();
      row.addProperty("method", outcome.method().id());
      row.addProperty("epsilon", outcome.epsilon());
      row.addProperty("delta", outcome.delta());
      row.addProperty("calibrationSize", outcome.calibrationSize());
      row.addProperty("trials", outcome.trials());
      row.addProperty("meanTestRisk", outcome.meanTestRisk());
      row.addProperty("stdTestRisk", finite(outcome.stdTestRisk()));
      row.addProperty("meanDepth", finite(outcome.meanDepth()));
      row.addProperty("gain", finite(outcome.gain()));
      row.addProperty("violationRate", outcome.violationRate());
      rows.add(row);
    }
    document.add("rows", rows);
    document.addProperty("out", absolute(out));
    document.addProperty("perTrial", absolute(perTrial));
    document.addProperty("report", absolute(report));
    return document;
  }

  /** A NaN, which JSON cannot say, becomes null. */
  private static Double finite(double value) {
    return Double.isNaN(value) ? null : value;
  }

  private static String absolute(Path file) {
    return file == null ? null : file.toAbsolutePath().normalize().toString();
  }
}
