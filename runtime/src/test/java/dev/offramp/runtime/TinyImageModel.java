package dev.offramp.runtime;

import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ImagePreprocessing;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.models.ResnetArchitecture.Block;
import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.models.ResnetArchitecture.Stem;
import dev.offramp.models.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;
import java.util.stream.Stream;

/** Random residual networks small enough for unit tests. */
public final class TinyImageModel {
  public static final List<String> LABELS = List.of("one", "two", "three");

  /** As for CIFAR: basic blocks, shortcuts of zeros; 1 + 2 blocks, the last of 6 x 6 pixels. */
  public static final ResnetArchitecture BASIC =
      new ResnetArchitecture(
          new Image(12, 12, 3),
          new Stem(4, 3, 1, false),
          ResnetArchitecture.BASIC,
          List.of(new Group(1, 4, 4, 1), new Group(2, 7, 7, 2)),
          1,
          ResnetArchitecture.PAD);

  /** The same, longer and not square: 2 + 2 blocks, the last of 6 x 5 pixels. */
  public static final ResnetArchitecture FOUR_BLOCKS =
      new ResnetArchitecture(
          new Image(12, 10, 3),
          new Stem(5, 3, 1, false),
          ResnetArchitecture.BASIC,
          List.of(new Group(2, 8, 8, 1), new Group(2, 16, 16, 2)),
          1,
          ResnetArchitecture.PAD);

  /** As for ImageNet: bottlenecks in two parts, shortcuts of convolutions; 2 + 1 blocks. */
  public static final ResnetArchitecture BOTTLENECK =
      new ResnetArchitecture(
          new Image(21, 18, 1),
          new Stem(4, 7, 2, true),
          ResnetArchitecture.BOTTLENECK,
          List.of(new Group(2, 8, 6, 1), new Group(1, 12, 8, 2)),
          2,
          ResnetArchitecture.PROJECTION);

  private TinyImageModel() {}

  /** Writes a model directory with these exits (none for a backbone). */
  public static Path write(Path out, long seed, ResnetArchitecture architecture, Exit... exits) {
    Random random = new Random(seed);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    int channels = architecture.image().channels();
    Stem stem = architecture.stem();
    convolution(tensors, random, "stem", stem.channels(), channels, stem.kernel());
    List<Block> blocks = architecture.blocks();
    for (int b = 0; b < blocks.size(); b++) {
      String name = "blocks." + b + ".";
      int in = blocks.get(b).in().channels();
      int inner = blocks.get(b).inner();
      int put = blocks.get(b).out().channels();
      if (architecture.block().equals(ResnetArchitecture.BASIC)) {
        convolution(tensors, random, name + "conv1", inner, in, 3);
        convolution(tensors, random, name + "conv2", put, inner, 3);
      } else {
        convolution(tensors, random, name + "conv1", inner, in, 1);
        convolution(tensors, random, name + "conv2", inner, inner / architecture.cardinality(), 3);
        convolution(tensors, random, name + "conv3", put, inner, 1);
      }
      if (blocks.get(b).changes()
          && architecture.shortcut().equals(ResnetArchitecture.PROJECTION)) {
        convolution(tensors, random, name + "shortcut", put, in, 1);
      }
    }
    for (int e = 0; e < exits.length; e++) {
      int features = architecture.features(exits[e].afterLayer(), exits[e].head());
      // Not so large that every head is as sure as a float can be.
      double scale = 0.8 / Math.sqrt(features);
      TinyModel.add(tensors, random, scale, "exits." + e + ".weight", LABELS.size(), features);
      TinyModel.add(tensors, random, 1, "exits." + e + ".bias", LABELS.size());
    }
    ModelConfig config =
        new ModelConfig(
            ModelConfig.FORMAT,
            "resnet",
            "tiny images",
            architecture,
            new ImagePreprocessing(
                Math.max(architecture.image().height(), architecture.image().width()),
                Stream.of(0.5, 0.45, 0.4).limit(channels).toList(),
                Stream.of(0.25, 0.2, 0.125).limit(channels).toList()),
            exits.length == 0 ? List.of() : LABELS,
            List.of(exits),
            "random, seed " + seed);
    ModelDirectory.write(out, config, tensors, null, true);
    return out;
  }

  /** Exits of 2x2 cells after these layers, and of one after the last of them. */
  public static Exit[] exits(int... afterLayers) {
    Exit[] exits = new Exit[afterLayers.length];
    for (int e = 0; e < exits.length; e++) {
      exits[e] = exit(afterLayers[e], e == exits.length - 1 ? 1 : 2, "top1");
    }
    return exits;
  }

  /** An exit that pools the image to a grid. */
  public static Exit exit(int afterLayer, int grid, String confidence) {
    return new Exit(afterLayer, Head.ofImage(grid, confidence));
  }

  /** Random images, rows of packed pixels. */
  public static List<int[]> images(long seed, int count, ResnetArchitecture architecture) {
    Random random = new Random(seed);
    int bits = 8 * architecture.image().channels();
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(random.ints(architecture.maxPositions(), 0, 1 << bits).toArray());
    }
    return rows;
  }

  /** Outputs of about the size of the inputs. */
  private static void convolution(
      SequencedMap<String, Tensor> tensors, Random random, String name, int out, int in, int side) {
    double scale = 1 / Math.sqrt((double) in * side * side);
    TinyModel.add(tensors, random, scale, name + ".weight", out, in, side, side);
    TinyModel.add(tensors, random, 0.3, name + ".bias", out);
  }
}
