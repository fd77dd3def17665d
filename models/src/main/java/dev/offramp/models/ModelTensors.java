package dev.offramp.models;

import java.util.List;
import java.util.SequencedMap;

/** Names and shapes of the tensors of a model directory. */
final class ModelTensors {
  private ModelTensors() {}

  static String exitWeight(int exit) {
    return "exits." + exit + ".weight";
  }

  static String exitBias(int exit) {
    return "exits." + exit + ".bias";
  }

  /** Shapes of all tensors, those of exit heads last: [labels, features] and [labels]. */
  static SequencedMap<String, List<Long>> all(ModelConfig config) {
    SequencedMap<String, List<Long>> shapes =
        switch (config.architecture()) {
          case BertArchitecture bert -> BertTensors.backbone(bert);
          case ResnetArchitecture resnet -> ResnetTensors.backbone(resnet);
        };
    long labels = config.labels().size();
    for (int i = 0; i < config.exits().size(); i++) {
      Exit exit = config.exits().get(i);
      long features = config.architecture().features(exit.afterLayer(), exit.head());
      shapes.put(exitWeight(i), List.of(labels, features));
      shapes.put(exitBias(i), List.of(labels));
    }
    return shapes;
  }
}
