package dev.offramp.runtime.cli;

import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Pooling;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ResnetArchitecture;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Option;

/** What the heads are like that attach trains. */
final class HeadOptions {
  /** What heads are like on a model that has none yet. */
  private static final Head FIRST_HEAD = Head.ofText("mean", "top1");

  /** Cells along a side of the grid that images are pooled to, where that gives few features. */
  private static final int USUAL_GRID = 4;

  /** Features of an image that are few. */
  private static final int MOST_FEATURES = 512;

  @Option(
      names = "--pooling",
      paramLabel = "P",
      description =
          "text models: heads see the mean or max of all tokens, or the first one (default: as the"
              + " model's last head, else mean)")
  Pooling pooling;

  @Option(
      names = "--grid",
      paramLabel = "N",
      description =
          "image models: heads average over N x N cells (default: 4, 2 or 1, the largest that gives"
              + " at most 512 features and fits)")
  Integer grid;

  @Option(
      names = "--confidence",
      paramLabel = "C",
      description =
          "what decides whether a sample leaves: top1 (the largest probability), margin (between the"
              + " two largest) or entropy (default: as the model's last head, else top1)")
  Confidence confidence;

  /** Exits with heads to be trained, but for the last one where it is kept. */
  List<Exit> exits(ModelConfig config, List<Integer> cuts, boolean keeps) {
    Head own = config.exits().isEmpty() ? FIRST_HEAD : config.exits().getLast().head();
    List<Exit> exits = new ArrayList<>();
    for (int cut : cuts) {
      exits.add(new Exit(cut, keeps && cut == cuts.getLast() ? own : head(config, cut, own)));
    }
    return exits;
  }

  private Head head(ModelConfig config, int cut, Head own) {
    String measure = confidence == null ? own.confidence() : lower(confidence);
    return switch (config.architecture()) {
      case BertArchitecture bert -> {
        if (grid != null) {
          throw InputException.in(null, "--grid", "is for image models; leave it out");
        }
        yield Head.ofText(pooling == null ? own.pooling() : lower(pooling), measure);
      }
      case ResnetArchitecture resnet -> {
        if (pooling != null) {
          throw InputException.in(null, "--pooling", "is for text models; use --grid");
        }
        yield Head.ofImage(cells(resnet.blocks().get(cut - 1).out()), measure);
      }
    };
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  private int cells(ResnetArchitecture.Image map) {
    int side = Math.min(map.height(), map.width());
    if (grid != null) {
      if (grid < 1 || grid > side) {
        throw InputException.in(
            null, "--grid " + grid, "must be 1 to %d after all these layers".formatted(side));
      }
      return grid;
    }
    int cells = USUAL_GRID;
    while (cells > 1 && (cells > side || cells * cells * map.channels() > MOST_FEATURES)) {
      cells /= 2;
    }
    return cells;
  }
}
