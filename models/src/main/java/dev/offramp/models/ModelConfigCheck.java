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

  private final FieldCheck check;

  private ModelConfigCheck(Path file) {
    check = new FieldCheck(file);
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
    check.range("$.format", config.format(), ModelConfig.FORMAT, ModelConfig.FORMAT);
    check.notBlank("$.name", config.name());
    switch (config.architecture()) {
      case BertArchitecture bert -> {
        architecture(bert, "$.architecture.");
        text((TextPreprocessing) config.preprocessing(), bert);
      }
      case ResnetArchitecture resnet -> {
        new ResnetCheck(check).architecture(resnet, "$.architecture.");
        new ResnetCheck(check).images((ImagePreprocessing) config.preprocessing(), resnet.image());
      }
    }
    labels(config.labels(), !config.exits().isEmpty());
    exits(config.exits(), config.architecture());
  }

  private void text(TextPreprocessing preprocessing, BertArchitecture architecture) {
    check.oneOf("$.preprocessing.tokenizer", preprocessing.tokenizer(), List.of("wordpiece"));
    check.range(
        "$.preprocessing.maxTokens",
        preprocessing.maxTokens(),
        MIN_TOKENS,
        architecture.maxPositions());
  }

  private void architecture(BertArchitecture a, String at) {
    check.range(at + "layers", a.layers(), 1, MAX_LAYERS);
    check.range(at + "hiddenSize", a.hiddenSize(), 1, MAX_WIDTH);
    check.range(at + "heads", a.heads(), 1, a.hiddenSize());
    if (a.hiddenSize() % a.heads() != 0) {
      throw check.error(
          at + "heads",
          a.heads() + " does not divide hiddenSize " + a.hiddenSize() + "; correct one of them");
    }
    check.range(at + "intermediateSize", a.intermediateSize(), 1, MAX_WIDTH);
    check.range(at + "vocabSize", a.vocabSize(), 1, MAX_VOCABULARY);
    check.range(at + "maxPositions", a.maxPositions(), MIN_TOKENS, MAX_POSITIONS);
    check.range(at + "typeVocabSize", a.typeVocabSize(), 1, MAX_WIDTH);
    if (!(a.layerNormEpsilon() > 0 && a.layerNormEpsilon() < 1)) {
      throw check.error(
          at + "layerNormEpsilon",
          a.layerNormEpsilon() + " is not between 0 and 1; use a value such as 1e-12");
    }
    check.oneOf(at + "activation", a.activation(), List.of("gelu", "relu"));
  }

  /** Checks sizes found in a foreign file before they are used. */
  static ResnetArchitecture checked(ResnetArchitecture architecture, Path file) {
    new ResnetCheck(new FieldCheck(file)).architecture(architecture, "");
    return architecture;
  }

  private void labels(List<String> labels, boolean needed) {
    if (needed) {
      check.range("$.labels (length)", labels.size(), 2, MAX_LABELS);
    }
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < labels.size(); i++) {
      check.label("$.labels[" + i + "]", labels.get(i));
      if (!seen.add(labels.get(i))) {
        throw check.error(
            "$.labels[" + i + "]", "\"" + labels.get(i) + "\" is given twice; make labels unique");
      }
    }
  }

  private void exits(List<Exit> exits, Architecture architecture) {
    int layers = architecture.layers();
    int previous = 0;
    for (int i = 0; i < exits.size(); i++) {
      String at = "$.exits[" + i + "]";
      int afterLayer = exits.get(i).afterLayer();
      check.range(at + ".afterLayer", afterLayer, 1, layers);
      if (afterLayer <= previous) {
        throw check.error(
            at + ".afterLayer",
            afterLayer + " is not deeper than the exit before it; list exits in ascending order");
      }
      if (i == exits.size() - 1 && afterLayer != layers) {
        throw check.error(
            at + ".afterLayer",
            "the last exit must stand after the last layer, " + layers + "; add an exit there");
      }
      head(at + ".head.", exits.get(i), architecture);
      previous = afterLayer;
    }
  }

  private void head(String at, Exit exit, Architecture architecture) {
    Head head = exit.head();
    check.oneOf(at + "type", head.type(), Head.TYPES);
    check.oneOf(at + "confidence", head.confidence(), Head.CONFIDENCES);
    switch (architecture) {
      case BertArchitecture _ -> {
        check.oneOf(at + "pooling", head.pooling(), Head.POOLINGS);
        if (head.grid() != null) {
          throw check.error(at + "grid", "texts have no grid; remove it");
        }
      }
      case ResnetArchitecture resnet -> {
        check.oneOf(at + "pooling", head.pooling(), List.of("mean"));
        if (head.grid() == null) {
          throw check.error(at + "grid", "missing; add it, 1 pools the whole image");
        }
        ResnetArchitecture.Image out = resnet.blocks().get(exit.afterLayer() - 1).out();
        check.range(at + "grid", head.grid(), 1, Math.min(out.height(), out.width()));
      }
    }
  }
}
