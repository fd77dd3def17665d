package dev.offramp.models;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The rules a {@link ModelConfig} keeps beyond its types; sizes are bounded before use. */
final class ModelConfigCheck {
  private static final int MAX_LAYERS = 1_000;
  private static final int MAX_WIDTH = 1 << 17;
  private static final int MAX_VOCABULARY = 1 << 24;
  private static final int MAX_POSITIONS = 1 << 20;
  private static final int MAX_LABELS = 1 << 17;

  /** [CLS], one token, [SEP]. */
  static final int MIN_TOKENS = 3;

  private final Path file;

  private ModelConfigCheck(Path file) {
    this.file = file;
  }

  static void check(ModelConfig config, Path file) {
    new ModelConfigCheck(file).check(config);
  }

  /** Checks sizes found in a foreign file before they are used. */
  static BertArchitecture checked(BertArchitecture architecture, Path file) {
    new ModelConfigCheck(file).architecture(architecture, "");
    return architecture;
  }

  private void check(ModelConfig config) {
    range("$.format", config.format(), ModelConfig.FORMAT, ModelConfig.FORMAT);
    notBlank("$.name", config.name());
    switch (config.architecture()) {
      case BertArchitecture bert -> {
        architecture(bert, "$.architecture.");
        text((TextPreprocessing) config.preprocessing(), bert);
      }
      case ResnetArchitecture resnet -> throw new UnsupportedOperationException("resnet");
    }
    labels(config.labels(), !config.exits().isEmpty());
    exits(config.exits(), config.architecture().layers());
  }

  private void text(TextPreprocessing preprocessing, BertArchitecture architecture) {
    oneOf("$.preprocessing.tokenizer", preprocessing.tokenizer(), List.of("wordpiece"));
    range(
        "$.preprocessing.maxTokens",
        preprocessing.maxTokens(),
        MIN_TOKENS,
        architecture.maxPositions());
  }

  private void architecture(BertArchitecture a, String at) {
    range(at + "layers", a.layers(), 1, MAX_LAYERS);
    range(at + "hiddenSize", a.hiddenSize(), 1, MAX_WIDTH);
    range(at + "heads", a.heads(), 1, a.hiddenSize());
    if (a.hiddenSize() % a.heads() != 0) {
      throw error(
          at + "heads",
          a.heads() + " does not divide hiddenSize " + a.hiddenSize() + "; correct one of them");
    }
    range(at + "intermediateSize", a.intermediateSize(), 1, MAX_WIDTH);
    range(at + "vocabSize", a.vocabSize(), 1, MAX_VOCABULARY);
    range(at + "maxPositions", a.maxPositions(), MIN_TOKENS, MAX_POSITIONS);
    range(at + "typeVocabSize", a.typeVocabSize(), 1, MAX_WIDTH);
    if (!(a.layerNormEpsilon() > 0 && a.layerNormEpsilon() < 1)) {
      throw error(
          at + "layerNormEpsilon",
          a.layerNormEpsilon() + " is not between 0 and 1; use a value such as 1e-12");
    }
    oneOf(at + "activation", a.activation(), List.of("gelu", "relu"));
  }

  private void labels(List<String> labels, boolean needed) {
    if (needed) {
      range("$.labels (length)", labels.size(), 2, MAX_LABELS);
    }
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < labels.size(); i++) {
      notBlank("$.labels[" + i + "]", labels.get(i));
      if (!seen.add(labels.get(i))) {
        throw error(
            "$.labels[" + i + "]", "\"" + labels.get(i) + "\" is given twice; make labels unique");
      }
    }
  }

  private void exits(List<Exit> exits, int layers) {
    int previous = 0;
    for (int i = 0; i < exits.size(); i++) {
      String at = "$.exits[" + i + "]";
      int afterLayer = exits.get(i).afterLayer();
      range(at + ".afterLayer", afterLayer, 1, layers);
      if (afterLayer <= previous) {
        throw error(
            at + ".afterLayer",
            afterLayer + " is not deeper than the exit before it; list exits in ascending order");
      }
      if (i == exits.size() - 1 && afterLayer != layers) {
        throw error(
            at + ".afterLayer",
            "the last exit must stand after the last layer, " + layers + "; add an exit there");
      }
      Head head = exits.get(i).head();
      oneOf(at + ".head.type", head.type(), Head.TYPES);
      oneOf(at + ".head.pooling", head.pooling(), Head.POOLINGS);
      oneOf(at + ".head.confidence", head.confidence(), Head.CONFIDENCES);
      previous = afterLayer;
    }
  }

  private void range(String path, int value, int min, int max) {
    if (value < min || value > max) {
      String wanted = min == max ? "use " + min : "use a value from " + min + " to " + max;
      throw error(path, value + " is out of range; " + wanted);
    }
  }

  private void oneOf(String path, String value, List<String> known) {
    if (!known.contains(value)) {
      throw error(path, "\"" + value + "\" is not known; use " + String.join(" or ", known));
    }
  }

  private void notBlank(String path, String value) {
    if (value.isBlank()) {
      throw error(path, "is blank; give it a value");
    }
  }

  private InputException error(String path, String problemAndRemedy) {
    return InputException.in(file, path, problemAndRemedy);
  }
}
