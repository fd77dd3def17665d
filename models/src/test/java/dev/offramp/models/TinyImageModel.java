package dev.offramp.models;

import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.models.ResnetArchitecture.Stem;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;

/** Residual networks that are quick to write. */
final class TinyImageModel {
  static final List<String> LABELS = List.of("cat", "dog", "ship");
  static final ModelConfig BASIC =
      config(
          new ResnetArchitecture(
              new Image(8, 8, 3),
              new Stem(4, 3, 1, false),
              "basic",
              List.of(new Group(1, 4, 4, 1), new Group(2, 6, 6, 2)),
              1,
              "pad"),
          new Exit(1, Head.ofImage(2, "margin")),
          new Exit(3, Head.ofImage(1, "top1")));
  static final ModelConfig BOTTLENECK =
      config(
          new ResnetArchitecture(
              new Image(8, 8, 3),
              new Stem(4, 7, 2, true),
              "bottleneck",
              List.of(new Group(1, 8, 4, 1), new Group(1, 16, 8, 2)),
              2,
              "projection"),
          new Exit(2, Head.ofImage(1, "entropy")));

  private TinyImageModel() {}

  private static ModelConfig config(ResnetArchitecture architecture, Exit... exits) {
    return new ModelConfig(
        1,
        "resnet",
        "tiny images",
        architecture,
        new ImagePreprocessing(8, List.of(0.5, 0.4, 0.3), List.of(0.25, 0.2, 0.125)),
        LABELS,
        List.of(exits),
        "a test");
  }

  /** Random weights, the same every time. */
  static SequencedMap<String, Tensor> tensors(ModelConfig config) {
    Random random = new Random(2);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    ModelTensors.all(config)
        .forEach((name, shape) -> tensors.put(name, TinyModel.random(name, shape, random)));
    return tensors;
  }

  static Path write(Path directory, ModelConfig config) {
    ModelDirectory.write(directory, config, tensors(config), null, false);
    return directory;
  }
}
