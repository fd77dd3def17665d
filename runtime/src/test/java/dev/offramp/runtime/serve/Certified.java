package dev.offramp.runtime.serve;

import dev.offramp.calibrate.Calibration;
import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.FurtherRisk;
import dev.offramp.calibrate.Method;
import dev.offramp.calibrate.Risk;
import dev.offramp.models.ModelDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/** Writes certificates that promise whatever they are told to, true or not. */
final class Certified {
  private Certified() {}

  static void write(Path directory, Risk risk, double lambda, double epsilon) throws IOException {
    write(directory, risk, lambda, epsilon, List.of());
  }

  static void write(
      Path directory, Risk risk, double lambda, double epsilon, List<FurtherRisk> further)
      throws IOException {
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      double delta = 0.1;
      int samples = 100;
      Calibration calibration =
          new Calibration(
              Method.of("naive"),
              null,
              risk.bound(),
              epsilon,
              delta,
              samples,
              new double[] {1, lambda},
              new double[0][],
              1,
              new int[] {1},
              null,
              "made up for a test",
              0,
              new double[0],
              new double[0],
              new double[] {0, 0},
              further);
      new Certificate(
              risk,
              calibration,
              calibration.thresholds(model.config().exits().size() - 1),
              model.hash(),
              "none",
              "jvm",
              null,
              "F32",
              "test",
              Instant.EPOCH)
          .write(directory.resolve(ModelDirectory.CERTIFICATE));
    }
  }
}
