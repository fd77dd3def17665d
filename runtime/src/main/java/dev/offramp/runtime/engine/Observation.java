package dev.offramp.runtime.engine;

import dev.offramp.calibrate.ExitTable;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Risk;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * What one pass over the data leaves: the exits of all samples, and the loss that each would have
 * had at each exit. Any threshold can be tried on it without running the model again.
 *
 * @param lossOfExit shape [exits][n] for each risk
 */
public record Observation(ExitTable table, Map<Risk, double[][]> lossOfExit) {

  /**
   * Runs all samples to the last exit. Class probabilities are only read back if a risk compares
   * them, and of them only the losses are kept.
   *
   * @param labels shape [n], or null where no risk needs them
   * @param batch rows a batch
   * @param done called with the number of samples finished
   */
  public static Observation of(
      BatchRunner runner,
      List<int[]> samples,
      int[] labels,
      List<Risk> risks,
      int batch,
      IntConsumer done) {
    int exits = runner.stages();
    int classes = runner.config().labels().size();
    Map<Risk, double[][]> losses = new EnumMap<>(Risk.class);
    List<Risk> compared = risks.stream().filter(Risk::needsProbabilities).toList();
    compared.forEach(risk -> losses.put(risk, new double[exits][samples.size()]));
    ExitTable table;
    if (compared.isEmpty()) {
      table = runner.observe(samples, batch, done);
    } else {
      table =
          runner.observe(
              samples,
              batch,
              (from, count, probabilities) -> {
                for (int i = 0; i < count; i++) {
                  float[] full = row(probabilities[exits - 1], i, classes);
                  int label = labels == null ? -1 : labels[from + i];
                  for (int exit = 0; exit < exits; exit++) {
                    float[] early = row(probabilities[exit], i, classes);
                    for (Risk risk : compared) {
                      losses.get(risk)[exit][from + i] = risk.loss(early, full, label);
                    }
                  }
                }
              },
              done);
    }
    for (Risk risk : risks) {
      if (!risk.needsProbabilities()) {
        losses.put(risk, LossTable.lossOfExit(risk, table, labels));
      }
    }
    return new Observation(table, losses);
  }

  private static float[] row(float[] probabilities, int row, int classes) {
    return Arrays.copyOfRange(probabilities, row * classes, (row + 1) * classes);
  }

  /** The losses that each threshold gives. */
  public LossTable losses(Risk risk, double[] lambdas) {
    return LossTable.of(table, lossOfExit.get(risk), lambdas, risk.bound());
  }
}
