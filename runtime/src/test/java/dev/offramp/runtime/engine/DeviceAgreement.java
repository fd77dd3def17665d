package dev.offramp.runtime.engine;

import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.ExitTable;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether a device answers as the jvm device does at the same thresholds: what every exit says of
 * every sample, and what comes out when samples leave the batch. Only where the jvm device's
 * confidence lies within a band around the threshold may a sample leave elsewhere.
 *
 * @param faults what differs, a line each
 * @param samples number of samples
 * @param early samples that left before the last exit, on the jvm device
 * @param banded samples that met a threshold within the band, and left elsewhere or not
 * @param difference largest difference of a confidence, over all exits and samples
 */
record DeviceAgreement(List<String> faults, int samples, int early, int banded, double difference) {
  private static final double BAND = 1e-4;
  private static final int BATCH = 32;

  /** Compares two engines of the same model; {@code batch} rows at a time on either. */
  static DeviceAgreement of(
      BatchRunner jvm, BatchRunner other, List<int[]> samples, double[] thresholds, int batch) {
    List<String> faults = new ArrayList<>();
    ExitTable expected = jvm.observe(samples, batch, done -> {});
    ExitTable actual = other.observe(samples, batch, done -> {});
    List<Outcome> expectedOutcomes = run(jvm, samples, thresholds, batch);
    List<Outcome> actualOutcomes = run(other, samples, thresholds, batch);
    int early = 0;
    int banded = 0;
    double difference = 0;
    for (int i = 0; i < samples.size(); i++) {
      boolean close = false;
      for (int exit = 0; exit < expected.exits(); exit++) {
        float confidence = expected.confidence()[exit][i];
        double apart = Math.abs(confidence - actual.confidence()[exit][i]);
        difference = Math.max(difference, apart);
        // A difference that is no number is a fault too.
        if (!(apart <= BAND) || expected.prediction()[exit][i] != actual.prediction()[exit][i]) {
          faults.add(
              "sample %d, exit %d: class %d with %s, not class %d with %s"
                  .formatted(
                      i,
                      exit,
                      actual.prediction()[exit][i],
                      actual.confidence()[exit][i],
                      expected.prediction()[exit][i],
                      confidence));
        }
        // A threshold of 1 is passed by, however close.
        close |=
            exit < thresholds.length
                && exit <= expectedOutcomes.get(i).exit()
                && thresholds[exit] < BatchRunner.NEVER
                && Math.abs(confidence - thresholds[exit]) <= BAND;
      }
      Outcome wanted = expectedOutcomes.get(i);
      Outcome got = actualOutcomes.get(i);
      early += wanted.exit() < thresholds.length ? 1 : 0;
      banded += close ? 1 : 0;
      if (!close && (wanted.exit() != got.exit() || wanted.prediction() != got.prediction())) {
        faults.add("sample %d: %s, not %s".formatted(i, got, wanted));
      }
    }
    return new DeviceAgreement(faults, samples.size(), early, banded, difference);
  }

  private static List<Outcome> run(
      BatchRunner runner, List<int[]> samples, double[] thresholds, int batch) {
    List<Outcome> outcomes = new ArrayList<>();
    for (int from = 0; from < samples.size(); from += batch) {
      int to = Math.min(from + batch, samples.size());
      outcomes.addAll(runner.run(samples.subList(from, to), thresholds));
    }
    return outcomes;
  }

  /**
   * {@code DeviceAgreement MODEL TEXTS DEVICE}, at the thresholds of the model's certificate. Exit
   * code 1 if anything differs, or if there was nothing to compare.
   */
  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[0]);
    DeviceAgreement found;
    try (ModelDirectory model = ModelDirectory.open(folder);
        Device jvm = Devices.open("jvm");
        Device other = Devices.open(args[2])) {
      Inputs inputs = Inputs.read(List.of(Path.of(args[1])), model);
      double[] thresholds =
          Certificate.read(folder.resolve(ModelDirectory.CERTIFICATE)).thresholds();
      try (BatchRunner onJvm = BatchRunner.open(model, jvm, BATCH, inputs.longest());
          BatchRunner onOther = BatchRunner.open(model, other, BATCH, inputs.longest())) {
        found = of(onJvm, onOther, inputs.rows(), thresholds, BATCH);
      }
    }
    found.faults().stream().limit(20).forEach(System.out::println);
    System.out.printf(
        "%s and jvm: %d differences in %d samples, %d of which left early, %d within %s of a"
            + " threshold; confidences differ by at most %.2g%n",
        args[2],
        found.faults().size(),
        found.samples(),
        found.early(),
        found.banded(),
        BAND,
        found.difference());
    System.exit(found.faults().isEmpty() && found.early() > 0 ? 0 : 1);
  }
}
