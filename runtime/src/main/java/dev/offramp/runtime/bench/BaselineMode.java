package dev.offramp.runtime.bench;

import dev.offramp.runtime.engine.BatchRunner;
import java.util.List;
import java.util.function.Consumer;

/**
 * Early exits as most code has them, on this runtime's kernels: what taking rows out of a batch is
 * to be compared with. Batches follow each other on every device.
 */
public record BaselineMode(String name, Consumer<List<int[]>> batches) implements Mode {
  /** All rows are computed on until the last of the batch has left. */
  public static final String NO_COMPACTION = "early-exit-no-compaction";

  /** Each row alone. */
  public static final String BATCH_1 = "batch-1-exits";

  static BaselineMode noCompaction(BatchRunner runner, double[] thresholds) {
    return new BaselineMode(NO_COMPACTION, batch -> runner.runWhole(batch, thresholds));
  }

  static BaselineMode batch1(BatchRunner runner, double[] thresholds) {
    return new BaselineMode(
        BATCH_1, batch -> batch.forEach(row -> runner.run(List.of(row), thresholds)));
  }

  @Override
  public void run(List<int[]> batch) {
    batches.accept(batch);
  }
}
