package dev.offramp.runtime.bench;

import dev.offramp.runtime.engine.BatchRunner;
import java.util.Arrays;
import java.util.List;

/** This runtime, at full depth or with exits. */
public record BatchMode(String name, BatchRunner runner, double[] thresholds) implements Mode {
  public static final String FULL_DEPTH = "full-depth";
  public static final String EARLY_EXIT = "early-exit";

  /** The same on the jvm device, beside another one. */
  public static final String JVM = "jvm";

  public static final String JVM_EARLY_EXIT = "jvm-early-exit";

  public static BatchMode fullDepth(BatchRunner runner) {
    return fullDepth(FULL_DEPTH, runner);
  }

  /** Full depth under another name. */
  public static BatchMode fullDepth(String name, BatchRunner runner) {
    double[] never = new double[runner.stages() - 1];
    Arrays.fill(never, BatchRunner.NEVER);
    return new BatchMode(name, runner, never);
  }

  public static BatchMode earlyExit(BatchRunner runner, double[] thresholds) {
    return new BatchMode(EARLY_EXIT, runner, thresholds);
  }

  @Override
  public void run(List<int[]> batch) {
    if (runner.config().exits().isEmpty()) {
      runner.encode(batch);
    } else {
      runner.run(batch, thresholds);
    }
  }

  @Override
  public double timeAll(List<List<int[]>> batches) {
    if (runner.config().exits().isEmpty()) {
      return Mode.super.timeAll(batches);
    }
    long start = System.nanoTime();
    runner.runAll(batches, thresholds, outcomes -> {});
    return (System.nanoTime() - start) / 1e9;
  }
}
