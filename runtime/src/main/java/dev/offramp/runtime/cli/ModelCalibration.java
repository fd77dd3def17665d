package dev.offramp.runtime.cli;

import dev.offramp.calibrate.Calibration;
import dev.offramp.calibrate.CalibrationException;
import dev.offramp.calibrate.Calibrator;
import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.ExitTable;
import dev.offramp.calibrate.Grid;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.ParetoTesting;
import dev.offramp.calibrate.Risk;
import dev.offramp.calibrate.RiskLevel;
import dev.offramp.calibrate.Settings;
import dev.offramp.kernels.Device;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.Thresholds;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Observation;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Calibrates a model directory on a device and writes its certificate.
 *
 * @param risks what is to be kept, the first of them named in the certificate
 * @param settings for each risk, all alike but for epsilon
 */
record ModelCalibration(
    ModelOptions options, List<RequestedRisk> risks, List<Settings> settings, DeviceOption device) {

  /** Vectors of thresholds that are looked at; fixed before the data is seen. */
  private static final int CANDIDATES = 2_000;

  /**
   * What was found.
   *
   * @param file where the certificate belongs
   * @param kept the certificate that is there, if it lets samples leave early and this does not;
   *     null if the new one was written
   * @param depth how deep the calibration samples run with what was found, for people
   */
  record Result(Certificate certificate, Path file, Certificate kept, String depth) {
    boolean written() {
      return kept == null;
    }
  }

  Result run() throws IOException {
    Path file =
        options.certificate == null
            ? options.model.resolve(ModelDirectory.CERTIFICATE)
            : options.certificate;
    List<Risk> kinds = risks.stream().map(RequestedRisk::risk).toList();
    new Outputs(inputs()).file(file);
    Certificate former = former(file);
    try (ModelDirectory directory = ModelDirectory.open(options.model)) {
      Thresholds.requireEarlyExits(directory);
      // Before the pass: what it reads is certified, not what may lie there when it is over.
      String modelHash = directory.hash();
      Inputs read = Inputs.read(options.data, directory);
      String dataHash = Inputs.hash(options.data, directory.config());
      boolean labelled = kinds.stream().anyMatch(Risk::needsLabels);
      if (labelled) {
        read.classes(directory.config(), options.data); // Before its lines are out of order.
      }
      Inputs inputs =
          read.shuffled(new SplittableRandom(Inputs.seed(settings.getFirst().seed(), dataHash)));
      int[] labels = labelled ? inputs.classes(directory.config(), options.data) : null;
      double[] grid = Grid.uniform();
      for (int r = 0; r < kinds.size(); r++) {
        CalibrateCommand.tellShortfall(
            settings.get(r), inputs.size(), grid.length, kinds.get(r).bound());
      }
      try (Device opened = device.open();
          BatchRunner runner =
              BatchRunner.open(directory, opened, options.batch, inputs.longest())) {
        Observation seen =
            Console.progress(
                "exits of all samples",
                inputs.size(),
                done -> Observation.of(runner, inputs.rows(), labels, kinds, options.batch, done));
        tellExits(directory.config(), seen.table(), inputs);
        Calibration calibration =
            options.perExit ? perExit(seen, runner, inputs.rows()) : oneLambda(seen, grid);
        Certificate certificate =
            new Certificate(
                kinds.getFirst(),
                calibration,
                calibration.thresholds(runner.stages() - 1),
                modelHash,
                dataHash,
                opened.info().id(),
                opened.info().description(),
                opened.info().precision().name(),
                Main.Version.version(),
                Instant.now().truncatedTo(ChronoUnit.SECONDS));
        boolean keep = !options.overwrite && worse(certificate, former);
        if (!keep) {
          write(certificate, file);
        }
        String depth = depth(directory.config(), seen.table(), certificate.thresholds());
        return new Result(certificate, file, keep ? former : null, depth);
      }
    }
  }

  /** Whether the former one lets samples of the same model on the same device leave, this none. */
  private static boolean worse(Certificate certificate, Certificate former) {
    return certificate.calibration().fallback()
        && former != null
        && !former.calibration().fallback()
        && former.modelHash().equals(certificate.modelHash())
        && former.device().equals(certificate.device())
        && former.dtype().equals(certificate.dtype());
  }

  private static void write(Certificate certificate, Path file) {
    try {
      certificate.write(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** The data, and of the model, into whose directory the certificate may go, what is not that. */
  private List<Path> inputs() {
    List<Path> files = new ArrayList<>(options.data);
    Stream.of(ModelDirectory.CONFIG, ModelDirectory.WEIGHTS, ModelDirectory.TOKENIZER)
        .map(options.model::resolve)
        .forEach(files::add);
    return files;
  }

  /** The certificate that is there, or null; any other file is kept. */
  private Certificate former(Path file) throws IOException {
    if (!Files.exists(file) || Files.isRegularFile(file) && Files.size(file) == 0) {
      return null;
    }
    try {
      return Certificate.read(file);
    } catch (CalibrationException e) {
      if (options.certificate == null) {
        return null; // A damaged one is to be calibrated again.
      }
      throw InputException.in(
          file, null, "is there already and is no certificate; name another file");
    }
  }

  private Calibration oneLambda(Observation seen, double[] grid) {
    List<RiskLevel> levels = new ArrayList<>();
    for (RequestedRisk risk : risks) {
      LossTable losses = seen.losses(risk.risk(), grid);
      levels.add(new RiskLevel(risk.risk().id(), losses, risk.epsilon()));
    }
    return Calibrator.calibrate(
        levels.getFirst().risk(),
        levels.getFirst().table(),
        settings.getFirst(),
        levels.subList(1, levels.size()));
  }

  private Calibration perExit(Observation seen, BatchRunner runner, List<int[]> inputs) {
    // The other half tests: what it looks like must not steer the order of the tests.
    List<int[]> samples =
        Arrays.stream(ParetoTesting.orderingSamples(inputs.size(), settings.getFirst().seed()))
            .mapToObj(inputs::get)
            .toList();
    double[] costs =
        switch (options.cost()) {
          case FLOPS -> ExitCosts.flops(runner.config(), samples);
          case TIME -> ExitCosts.millis(runner, samples, options.batch);
        };
    Console.say(
        "%s of a sample that leaves at each exit: %s",
        options.cost() == ModelOptions.Cost.FLOPS ? "operations" : "milliseconds",
        Arrays.stream(costs).mapToObj("%.4g"::formatted).collect(Collectors.joining(", ")));
    Risk risk = risks.getFirst().risk();
    return ParetoTesting.calibrate(
        risk.id(),
        seen.table(),
        seen.lossOfExit().get(risk),
        risk.bound(),
        costs,
        CANDIDATES,
        settings.getFirst());
  }

  private static String depth(ModelConfig config, ExitTable table, double[] thresholds) {
    int early = 0;
    long layers = 0;
    for (int sample = 0; sample < table.samples(); sample++) {
      int exit = table.exitOf(sample, thresholds);
      early += exit < table.exits() - 1 ? 1 : 0;
      layers += config.exits().get(exit).afterLayer();
    }
    return "on these samples: mean depth %.2f of %d layers, %.1f %% leave early"
        .formatted(
            (double) layers / table.samples(),
            config.architecture().layers(),
            100.0 * early / table.samples());
  }

  /** Accuracy, where there are labels, and agreement with the full model of every exit. */
  private void tellExits(ModelConfig config, ExitTable table, Inputs inputs) {
    int[] labels = inputs.labelledBy(config) ? inputs.classes(config, options.data) : null;
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
}
