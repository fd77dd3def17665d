package dev.offramp.runtime.engine;

import dev.offramp.models.BertArchitecture;
import dev.offramp.models.ModelConfig;

/**
 * Floating point operations of a BERT-family model, a multiply-add counted as two; matrix products
 * of layers, attention and exit heads are counted, element-wise work is not.
 */
public final class Flops {
  private Flops() {}

  /** One layer on a row of that many tokens. */
  public static double layer(BertArchitecture a, int tokens) {
    double h = a.hiddenSize();
    return 2.0 * tokens * (4 * h * h + 2 * h * a.intermediateSize() + 2.0 * tokens * h);
  }

  /** A row of that many tokens that leaves at an exit, with the heads it passed. */
  public static double toExit(ModelConfig config, int exit, int tokens) {
    return config.exits().get(exit).afterLayer() * layer(config.bert(), tokens)
        + (exit + 1) * head(config);
  }

  /** A row of that many tokens run to the end, with the last head alone if there is one. */
  public static double full(ModelConfig config, int tokens) {
    return config.architecture().layers() * layer(config.bert(), tokens)
        + (config.exits().isEmpty() ? 0 : head(config));
  }

  private static double head(ModelConfig config) {
    return 2.0 * config.bert().hiddenSize() * config.labels().size();
  }
}
