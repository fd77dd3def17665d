package dev.offramp.runtime.bench;

import dev.offramp.runtime.engine.Engine;
import java.util.List;

/** This runtime, at full depth or with exits. */
public record EngineMode(String name, Engine engine, double lambda) implements Mode {
  public static final String FULL_DEPTH = "full-depth";
  public static final String EARLY_EXIT = "early-exit";

  public static EngineMode fullDepth(Engine engine) {
    return new EngineMode(FULL_DEPTH, engine, Engine.NEVER);
  }

  public static EngineMode earlyExit(Engine engine, double lambda) {
    return new EngineMode(EARLY_EXIT, engine, lambda);
  }

  @Override
  public void run(List<int[]> batch) {
    if (engine.config().exits().isEmpty()) {
      engine.encode(batch);
    } else {
      engine.run(batch, lambda);
    }
  }
}
