package dev.offramp.runtime.demo;

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
import dev.offramp.runtime.bench.BatchMode;
import dev.offramp.runtime.bench.Interleaved;
import dev.offramp.runtime.bench.Interleaved.Timing;
import dev.offramp.runtime.bench.Mode;
import dev.offramp.runtime.bench.Workload;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Calibrates the demo's model and measures it on data that neither training nor calibration saw.
 */
public final class Demo {
  /** What the demo guarantees. */
  public static final Risk RISK = Risk.PREDICTION_CONSISTENCY;

  private static final Method METHOD = Method.LTT_HB;

  /** What each exit takes is context, not a claim: fewer rounds on fewer samples. */
  private static final int ROUNDS_OF_EXITS = 3;

  private static final int BATCHES_OF_EXITS = 4;

  private static final int WARM_UP_STEP = 8;

  private Demo() {}

  /**
   * What the demo found.
   *
   * @param data what it was found on
   * @param testTable exits of the test samples
   * @param testLabels classes of the test samples
   * @param early what the runtime answered with exits, on the test samples
   * @param timings full depth and early exit, side by side on all test samples
   * @param exitTimings each exit taken by everybody
   */
  public record Result(
      DemoJob.Data data,
      ModelConfig config,
      Certificate certificate,
      ExitTable testTable,
      int[] testLabels,
      List<Outcome> early,
      List<Timing> timings,
      List<Timing> exitTimings,
      Workload.Depth depth,
      double idealSpeedup,
      int batch) {

    public Calibration calibration() {
      return certificate.calibration();
    }

    /** Share of the test samples that were answered otherwise than by the full model. */
    public double heldOutRisk() {
      int different = testLabels.length - alike(predictions(), testTable.prediction()[lastExit()]);
      return (double) different / testLabels.length;
    }

    /** Share of the test samples that early exit gets right. */
    public double accuracy() {
      return (double) alike(predictions(), testLabels) / testLabels.length;
    }

    /** Share of the test samples that the full model gets right. */
    public double fullDepthAccuracy() {
      return accuracyOfExit(lastExit());
    }

    /** Share of the test samples that exit number {@code exit} gets right. */
    public double accuracyOfExit(int exit) {
      return (double) alike(testTable.prediction()[exit], testLabels) / testLabels.length;
    }

    private int lastExit() {
      return config.exits().size() - 1;
    }

    private int[] predictions() {
      return early.stream().mapToInt(Outcome::prediction).toArray();
    }

    private static int alike(int[] one, int[] other) {
      return (int) IntStream.range(0, one.length).filter(i -> one[i] == other[i]).count();
    }

    public double speedup() {
      return Interleaved.ratio(timings.get(1), timings.get(0));
    }

    /** What that number is, in brackets: rates move between rounds more than their ratio does. */
    public String spreadOfSpeedup() {
      return Interleaved.spread(timings.get(1), timings.get(0));
    }

    public int[] exitHistogram() {
      int[] histogram = new int[config.exits().size()];
      early.forEach(outcome -> histogram[outcome.exit()]++);
      return histogram;
    }
  }

  public static Result run(
      ModelDirectory model,
      Device device,
      DemoJob.Data data,
      double epsilon,
      double delta,
      int batch,
      int rounds,
      String version)
      throws IOException {
    ModelConfig config = model.config();
    Inputs test = data.test();
    int[] testLabels = test.classes(config, List.of(data.source()));
    int longest = Math.max(data.calibration().longest(), test.longest());
    try (BatchRunner runner = BatchRunner.open(model, device, batch, longest)) {
      ExitTable calibrationTable = observe(runner, data.calibration(), batch, "calibrate");
      Calibration calibration =
          Calibrator.calibrate(
              RISK.id(),
              LossTable.of(RISK, calibrationTable, null, Grid.uniform()),
              new Settings(METHOD, epsilon, delta));
      Certificate certificate =
          new Certificate(
              RISK,
              calibration,
              calibration.thresholds(config.exits().size() - 1),
              model.hash(),
              data.calibrationHash(),
              device.info().id(),
              device.info().description(),
              device.info().precision().name(),
              version,
              Instant.now().truncatedTo(ChronoUnit.SECONDS));
      certificate.write(model.path().resolve(ModelDirectory.CERTIFICATE));

      double[] thresholds = certificate.thresholds();
      ExitTable testTable = observe(runner, test, batch, "test");
      List<List<int[]>> batches = test.batches(batch);
      List<Outcome> early = new ArrayList<>();
      for (List<int[]> part : batches) {
        early.addAll(runner.run(part, thresholds));
      }
      // Observing ran the same stages, heads and all: a few batches are warm-up enough.
      for (int b = 0; b < batches.size(); b += WARM_UP_STEP) {
        runner.run(batches.get(b), BatchRunner.NEVER);
      }
      Workload.Depth depth = Workload.depth(config, batches, early, thresholds);
      try (BatchMode fullDepth = BatchMode.fullDepth(BatchMode.FULL_DEPTH, runner);
          BatchMode earlyExit = BatchMode.earlyExit(BatchMode.EARLY_EXIT, runner, thresholds)) {
        Console.say(
            "timing full depth and early exit side by side, %s", Interleaved.rounds(rounds));
        return new Result(
            data,
            config,
            certificate,
            testTable,
            testLabels,
            early,
            time("rounds", List.of(fullDepth, earlyExit), batches, rounds),
            time(
                "time of each exit",
                fixedExits(runner),
                batches.subList(0, Math.min(BATCHES_OF_EXITS, batches.size())),
                Math.min(ROUNDS_OF_EXITS, rounds)),
            depth,
            Workload.fullFlops(config, batches) / depth.flopsPerSample(),
            batch);
      }
    }
  }

  /** What answered all the test samples, batch after batch, needs no further warm-up. */
  private static List<Timing> time(
      String task, List<Mode> modes, List<List<int[]>> batches, int rounds) {
    return Console.progress(
        task, rounds, done -> Interleaved.timeWarm(modes, batches, rounds, 0, done));
  }

  private static List<Mode> fixedExits(BatchRunner runner) {
    List<Mode> modes = new ArrayList<>();
    for (int exit = 0; exit < runner.stages(); exit++) {
      modes.add(new FixedExit(runner, exit));
    }
    return modes;
  }

  /** Everybody takes the same exit: how long each takes. */
  private record FixedExit(BatchRunner runner, int exit) implements Mode {
    @Override
    public String name() {
      return "exit " + exit;
    }

    @Override
    public void run(List<int[]> batch) {
      runner.runTo(batch, exit);
    }
  }

  private static ExitTable observe(BatchRunner runner, Inputs inputs, int batch, String task) {
    return Console.progress(
        task, inputs.size(), done -> runner.observe(inputs.rows(), batch, done));
  }
}
