package dev.offramp.models;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A config.json of transformers' ResNetForImageClassification. What the weights show is compared
 * with it, the rest is taken from it.
 */
final class HubConfig {
  private static final long MAX_BYTES = 8 << 20;

  private final Json json;

  private HubConfig(Json json) {
    this.json = json;
  }

  /**
   * Reads the file in the weights' folder, if there is one.
   *
   * @throws InputException if it is about a network that Offramp would compute otherwise
   */
  static Optional<HubConfig> beside(Path weights) {
    Path file = weights.resolveSibling(ModelDirectory.CONFIG);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    HubConfig config = new HubConfig(Json.parse(file, Disk.readText(file, MAX_BYTES)));
    config.json.field("model_type");
    config.requireIfGiven("model_type", "resnet");
    config.requireIfGiven("hidden_act", "relu");
    config.requireIfGiven("problem_type", "single_label_classification");
    return Optional.of(config);
  }

  private void requireIfGiven(String name, String value) {
    json.optional(name)
        .filter(field -> !field.string().equals(value))
        .ifPresent(field -> {
          throw field.error("is " + field.string() + ", only " + value + " can be imported");
        });
  }

  /** The first stage's. */
  int firstStride() {
    return flag("downsample_in_first_stage") ? 2 : 1;
  }

  private boolean flag(String name) {
    return json.optional(name).map(Json::bool).orElse(false);
  }

  /**
   * @throws InputException if the weights show something else than the file says
   */
  void check(ResnetArchitecture found) {
    json.optional("layer_type").ifPresent(type -> same(type, type.string(), found.block()));
    json.optional("num_channels")
        .ifPresent(number -> same(number, number.integer(), (long) found.image().channels()));
    json.optional("embedding_size")
        .ifPresent(number -> same(number, number.integer(), (long) found.stem().channels()));
    json.optional("depths")
        .ifPresent(list ->
            same(
                list,
                list.list().stream().map(Json::integer).toList(),
                found.groups().stream().map(group -> (long) group.blocks()).toList()));
    json.optional("hidden_sizes")
        .ifPresent(list ->
            same(
                list,
                list.list().stream().map(Json::integer).toList(),
                found.groups().stream().map(group -> (long) group.channels()).toList()));
    // Transformers heeds it in bottlenecks only.
    if (found.block().equals(ResnetArchitecture.BOTTLENECK) && flag("downsample_in_bottleneck")) {
      throw json.field("downsample_in_bottleneck")
          .error(
              "is true, but Offramp has the stride at the 3x3 convolution; name a network that"
                  + " has it there too");
    }
  }

  private static <T> void same(Json field, T stated, T found) {
    if (!stated.equals(found)) {
      throw field.error(
          "says "
              + stated
              + " where the weights have "
              + found
              + "; get both files from the same place");
    }
  }

  /**
   * Names of the classes in the order of the logits; empty if there are none. Classes of the same
   * name, such as ImageNet's two cranes, get their numbers added.
   */
  Optional<List<String>> labels(int classes, ImportOptions.Progress progress) {
    return json.optional("id2label").map(names -> distinct(read(names, classes), progress));
  }

  private static List<String> read(Json names, int classes) {
    FieldCheck check = new FieldCheck(names.file());
    List<String> labels = new ArrayList<>();
    for (int i = 0; i < classes; i++) {
      Json name = names.field(Integer.toString(i));
      check.label(name.path(), name.string());
      labels.add(name.string());
    }
    if (names.fields().size() != classes) {
      throw names.error(
          "names %d classes where the weights have %d; name these, from 0 on"
              .formatted(names.fields().size(), classes));
    }
    return labels;
  }

  private static List<String> distinct(List<String> labels, ImportOptions.Progress progress) {
    Map<String, Integer> counts = new HashMap<>();
    labels.forEach(label -> counts.merge(label, 1, Integer::sum));
    List<String> result = new ArrayList<>();
    for (String label : labels) {
      result.add(counts.get(label) == 1 ? label : label + " (" + result.size() + ")");
    }
    List<String> renamed = new ArrayList<>(result);
    renamed.removeAll(labels);
    if (!renamed.isEmpty()) {
      progress.note(
          "classes of the same name get their numbers: "
              + String.join("; ", renamed.subList(0, Math.min(4, renamed.size())))
              + (renamed.size() > 4 ? "; …" : ""));
    }
    return result;
  }
}
