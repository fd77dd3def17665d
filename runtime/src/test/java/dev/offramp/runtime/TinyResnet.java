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
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;

/** Random residual networks small enough for unit tests. */
public final class TinyResnet {
  public static final List<String> LABELS = List.of("one", "two", "three");

  /** Two groups of basic blocks on 12x10 pixels, shortcuts without weights; 4 layers. */
  public static final ResnetArchitecture BASIC =
      new ResnetArchitecture(
          new Image(12, 10, 3),
          new Stem(5, 3, 1, false),
          ResnetArchitecture.BASIC,
          List.of(new Group(2, 8, 8, 1), new Group(2, 16, 16, 2)),
          1,
          ResnetArchitecture.PAD);

  /** Bottlenecks with groups, projections and the large stem, on 21x17 grey pixels; 3 layers. */
  public static final ResnetArchitecture BOTTLENECK =
      new ResnetArchitecture(
          new Image(21, 17, 1),
          new Stem(6, 5, 2, true),
          ResnetArchitecture.BOTTLENECK,
          List.of(new Group(2, 12, 4, 1), new Group(1, 20, 8, 2)),
          2,
          ResnetArchitecture.PROJECTION);

  private TinyResnet() {}

  /**
   * Writes a model directory with exits of 2x2 cells after the given layers, and 1x1 in the end.
   */
  public static Path write(
      Path out, ResnetArchitecture architecture, long seed, int... afterLayers) {
    Random random = new Random(seed);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    int channels = architecture.image().channels();
    Stem stem = architecture.stem();
    convolution(tensors, random, "stem", stem.channels(), channels, stem.kernel());
    int b = 0;
    for (Block block : architecture.blocks()) {
      String name = "blocks." + b++ + ".";
      int in = block.in().channels();
      int out1 = block.out().channels();
      if (architecture.block().equals(ResnetArchitecture.BASIC)) {
        convolution(tensors, random, name + "conv1", block.inner(), in, 3);
        convolution(tensors, random, name + "conv2", out1, block.inner(), 3);
      } else {
        convolution(tensors, random, name + "conv1", block.inner(), in, 1);
        convolution(
            tensors,
            random,
            name + "conv2",
            block.inner(),
            block.inner() / architecture.cardinality(),
            3);
        convolution(tensors, random, name + "conv3", out1, block.inner(), 1);
      }
      if (block.changes() && architecture.shortcut().equals(ResnetArchitecture.PROJECTION)) {
        convolution(tensors, random, name + "shortcut", out1, in, 1);
      }
    }
    List<Exit> exits = new ArrayList<>();
    for (int e = 0; e < afterLayers.length; e++) {
      Head head = Head.ofImage(e == afterLayers.length - 1 ? 1 : 2, "top1");
      exits.add(new Exit(afterLayers[e], head));
      int features = architecture.features(afterLayers[e], head);
      add(
          tensors,
          random,
          0.8 / Math.sqrt(features),
          "exits." + e + ".weight",
          LABELS.size(),
          features);
      add(tensors, random, 1, "exits." + e + ".bias", LABELS.size());
    }
    List<Double> half = Collections.nCopies(channels, 0.5);
    ModelConfig config =
        new ModelConfig(
            ModelConfig.FORMAT,
            "resnet",
            "tiny",
            architecture,
            new ImagePreprocessing(
                Math.max(architecture.image().height(), architecture.image().width()), half, half),
            LABELS,
            exits,
            "random, seed " + seed);
    ModelDirectory.write(out, config, tensors, null, true);
    return out;
  }

  /** Random pictures as rows. */
  public static List<int[]> rows(ResnetArchitecture architecture, long seed, int count) {
    Random random = new Random(seed);
    List<int[]> rows = new ArrayList<>();
    int mask = architecture.image().channels() == 1 ? 0xff : 0xffffff;
    for (int i = 0; i < count; i++) {
      int[] row = new int[architecture.maxPositions()];
      for (int p = 0; p < row.length; p++) {
        row[p] = random.nextInt() & mask;
      }
      rows.add(row);
    }
    return rows;
  }

  private static void convolution(
      SequencedMap<String, Tensor> tensors, Random random, String name, int out, int in, int k) {
    add(tensors, random, 1.2 / Math.sqrt(in * k * k), name + ".weight", out, in, k, k);
    add(tensors, random, 0.1, name + ".bias", out);
  }

  private static void add(
      SequencedMap<String, Tensor> tensors,
      Random random,
      double scale,
      String name,
      long... shape) {
    int size = 1;
    for (long s : shape) {
      size *= (int) s;
    }
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    tensors.put(name, Tensor.ofFloats(name, values, shape));
  }
}
