package dev.offramp.runtime.cli;

import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.bench.Interleaved;
import dev.offramp.runtime.bench.Interleaved.Timing;
import dev.offramp.runtime.bench.Mode;
import dev.offramp.runtime.bench.Workload;
import dev.offramp.runtime.engine.Engine;
import dev.offramp.runtime.engine.Flops;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What a sample has cost when it leaves at each exit, the heads on its way included. */
final class ExitCosts {
  private static final int ROUNDS = 3;
  private static final int BATCHES = 4;

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
   * Milliseconds on the device, when whole batches leave together: medians over rounds that time
   * all exits side by side after a warm-up; shape [exits].
   */
  static double[] millis(Engine engine, List<int[]> samples, int batch) {
    List<List<int[]>> batches = new Workload(samples).batches(batch);
    List<Mode> modes = new ArrayList<>();
    for (int exit = 0; exit < engine.stages(); exit++) {
      modes.add(new Through(engine, exit));
    }
    return Interleaved.time(modes, batches.subList(0, Math.min(BATCHES, batches.size())), ROUNDS, 0)
        .stream()
        .mapToDouble(Timing::medianSamplesPerSecond)
        .map(rate -> 1000 / rate)
        .toArray();
  }

  private record Through(Engine engine, int exit) implements Mode {
    @Override
    public String name() {
      return "exit " + exit;
    }

    @Override
    public void run(List<int[]> batch) {
      engine.runThrough(batch, exit);
    }
  }
}
