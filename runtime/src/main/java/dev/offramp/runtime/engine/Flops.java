package dev.offramp.runtime.engine;

import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Exit;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.models.ResnetArchitecture.Block;
import dev.offramp.models.ResnetArchitecture.Image;

/**
 * Floating point operations of a model, a multiply-add counted as two; matrix products of layers,
 * convolutions, attention and exit heads are counted, element-wise work and pooling are not.
 */
public final class Flops {
  private Flops() {}

  /** A row of that many tokens or pixels that leaves at an exit, with the heads it passed. */
  public static double toExit(ModelConfig config, int exit, int length) {
    double flops = layers(config, config.exits().get(exit).afterLayer(), length);
    for (int passed = 0; passed <= exit; passed++) {
      flops += head(config, passed);
    }
    return flops;
  }

  /** A row run to the end, with the last head alone if there is one. */
  public static double full(ModelConfig config, int length) {
    int exits = config.exits().size();
    return layers(config, config.architecture().layers(), length)
        + (exits == 0 ? 0 : head(config, exits - 1));
  }

  /** The first {@code count} layers on a row, and what comes before them. */
  private static double layers(ModelConfig config, int count, int length) {
    return switch (config.architecture()) {
      case BertArchitecture bert -> count * layer(bert, length);
      case ResnetArchitecture resnet -> {
        ResnetArchitecture.Stem stem = resnet.stem();
        double flops = convolution(resnet.stemOut(), resnet.image().channels(), stem.kernel());
        for (Block block : resnet.blocks().subList(0, count)) {
          flops += block(resnet, block);
        }
        yield flops;
      }
    };
  }

  /** One layer of an encoder on a row of that many tokens. */
  public static double layer(BertArchitecture a, int tokens) {
    double h = a.hiddenSize();
    return 2.0 * tokens * (4 * h * h + 2 * h * a.intermediateSize() + 2.0 * tokens * h);
  }

  private static double block(ResnetArchitecture a, Block block) {
    Image in = block.in();
    Image out = block.out();
    int inner = block.inner();
    Image middle = new Image(out.height(), out.width(), inner);
    double flops =
        a.block().equals(ResnetArchitecture.BASIC)
            ? convolution(middle, in.channels(), 3) + convolution(out, inner, 3)
            : convolution(new Image(in.height(), in.width(), inner), in.channels(), 1)
                + convolution(middle, inner / a.cardinality(), 3)
                + convolution(out, inner, 1);
    boolean projects = block.changes() && a.shortcut().equals(ResnetArchitecture.PROJECTION);
    return flops + (projects ? convolution(out, in.channels(), 1) : 0);
  }

  /**
   * @param inputs channels that an output sees
   */
  private static double convolution(Image out, int inputs, int kernel) {
    return 2.0 * out.height() * out.width() * out.channels() * inputs * kernel * kernel;
  }

  private static double head(ModelConfig config, int exit) {
    Exit at = config.exits().get(exit);
    int features = config.architecture().features(at.afterLayer(), at.head());
    return 2.0 * features * config.labels().size();
  }
}
