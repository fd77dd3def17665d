package dev.offramp.runtime.cli;

import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.bench.Quantiles;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Flops;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What a sample has cost when it leaves at each exit, the heads on its way included. */
final class ExitCosts {
  private static final int ROUNDS = 7;

  private ExitCosts() {}

  /** Mean floating-point operations; shape [exits]. */
  static double[] flops(ModelConfig config, List<int[]> samples) {
    return IntStream.range(0, config.exits().size())
        .mapToDouble(exit ->
            samples.stream()
                .mapToDouble(tokens -> Flops.toExit(config, exit, tokens.length))
                .average()
                .orElseThrow())
        .toArray();
  }

  /**
   * Milliseconds on the device, when a whole batch leaves together: medians over rounds in which
   * every exit has its turn, after one round to warm up; shape [exits].
   */
  static double[] millis(BatchRunner runner, List<int[]> samples, int batch) {
    List<int[]> timed = samples.subList(0, Math.min(batch, samples.size()));
    double[][] millis = new double[runner.stages()][ROUNDS];
    for (int round = -1; round < ROUNDS; round++) {
      for (int exit = 0; exit < millis.length; exit++) {
        long start = System.nanoTime();
        runner.runThrough(timed, exit);
        if (round >= 0) {
          millis[exit][round] = (System.nanoTime() - start) / 1e6 / timed.size();
        }
      }
    }
    return Arrays.stream(millis).mapToDouble(Quantiles::median).toArray();
  }
}
