package dev.offramp.models;

import java.util.List;
import java.util.SequencedMap;

/** Names and shapes of the tensors of a model directory. */
public final class ModelTensors {
  private static final String EXITS = "exits.";

  private ModelTensors() {}

  /** Name of the weights of an exit's head, [labels, features]. */
  public static String exitWeight(int exit) {
    return EXITS + exit + ".weight";
  }

  /** Name of the biases of an exit's head, [labels]. */
  public static String exitBias(int exit) {
    return EXITS + exit + ".bias";
  }

  /** Whether a tensor of this name belongs to an exit's head. */
  public static boolean isOfExit(String name) {
    return name.startsWith(EXITS);
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
