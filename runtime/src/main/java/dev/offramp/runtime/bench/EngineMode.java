package dev.offramp.runtime.bench;

import dev.offramp.runtime.engine.Engine;
import java.util.Arrays;
import java.util.List;

/** This runtime, at full depth or with exits. */
public record EngineMode(String name, Engine engine, double[] thresholds) implements Mode {
  public static final String FULL_DEPTH = "full-depth";
  public static final String EARLY_EXIT = "early-exit";

  public static EngineMode fullDepth(Engine engine) {
    double[] never = new double[engine.stages() - 1];
    Arrays.fill(never, Engine.NEVER);
    return new EngineMode(FULL_DEPTH, engine, never);
  }

  public static EngineMode earlyExit(Engine engine, double[] thresholds) {
    return new EngineMode(EARLY_EXIT, engine, thresholds);
  }

  @Override
  public void run(List<int[]> batch) {
    if (engine.config().exits().isEmpty()) {
      engine.encode(batch);
    } else {
      engine.run(batch, thresholds);
    }
  }

  @Override
  public double timeAll(List<List<int[]>> batches) {
    if (engine.config().exits().isEmpty()) {
      return Mode.super.timeAll(batches);
    }
    long start = System.nanoTime();
    engine.runAll(batches, thresholds, outcomes -> {});
    return (System.nanoTime() - start) / 1e9;
  }
}
