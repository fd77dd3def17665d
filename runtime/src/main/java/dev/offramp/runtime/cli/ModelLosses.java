package dev.offramp.runtime.cli;

import dev.offramp.calibrate.Grid;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Risk;
import dev.offramp.kernels.Device;
import dev.offramp.models.Exit;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.Thresholds;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Observation;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Option;

/** Options that name a model directory whose losses on data are looked at. */
final class ModelLosses {
  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--data",
      required = true,
      arity = "1..*",
      paramLabel = "FILES",
      description = "data that each trial splits anew, as --data of calibrate")
  List<Path> data;

  @Option(
      names = "--risk",
      paramLabel = "R",
      defaultValue = "prediction-consistency",
      description = "as of calibrate (default: ${DEFAULT-VALUE})")
  private String risk;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      description = "rows a batch (default: ${DEFAULT-VALUE})")
  int batch;

  Risk risk() {
    return Risk.of(risk.strip());
  }

  /**
   * What one pass over the data gives.
   *
   * @param depthOfRow mean layers of a sample at each threshold
   */
  record Measured(LossTable table, double[] depthOfRow) {}

  Measured measure(DeviceOption device) {
    Risk kind = risk();
    BatchOption.check(batch);
    try (ModelDirectory directory = ModelDirectory.open(model)) {
      Thresholds.requireEarlyExits(directory);
      Inputs inputs = Inputs.read(data, directory);
      int[] labels = kind.needsLabels() ? inputs.classes(directory.config(), data) : null;
      int rows = BatchOption.rows(batch, inputs.size());
      double[] grid = Grid.uniform();
      double[] depths = directory.config().exits().stream().mapToDouble(Exit::afterLayer).toArray();
      try (Device opened = device.open();
          BatchRunner runner = BatchRunner.open(directory, opened, rows, inputs.longest())) {
        Observation seen =
            Console.progress(
                "exits of all samples",
                inputs.size(),
                done -> Observation.of(runner, inputs.rows(), labels, List.of(kind), rows, done));
        return new Measured(
            seen.losses(kind, grid),
            Arrays.stream(grid).map(lambda -> seen.table().meanDepth(lambda, depths)).toArray());
      }
    }
  }
}
