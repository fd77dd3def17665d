package dev.offramp.models;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/** Names and shapes of a BERT model's tensors: Hugging Face's names without the model prefix. */
final class BertTensors {
  static final String WORD = "embeddings.word_embeddings.weight";
  static final String POSITION = "embeddings.position_embeddings.weight";
  static final String TYPE = "embeddings.token_type_embeddings.weight";
  static final String EMBEDDING_NORM = "embeddings.LayerNorm";
  static final String QUERY = "attention.self.query";
  static final String INTERMEDIATE = "intermediate.dense";

  /** Not weights: 0, 1, 2, … and zeros, which are saved with the model. */
  private static final Set<String> BUFFERS =
      Set.of("embeddings.position_ids", "embeddings.token_type_ids");

  private BertTensors() {}

  static String layer(int layer, String part) {
    return "encoder.layer." + layer + "." + part;
  }

  /** Shapes of the encoder's tensors; linear maps are [out, in]. */
  static SequencedMap<String, List<Long>> backbone(BertArchitecture a) {
    long hidden = a.hiddenSize();
    long inner = a.intermediateSize();
    SequencedMap<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put(WORD, List.of((long) a.vocabSize(), hidden));
    shapes.put(POSITION, List.of((long) a.maxPositions(), hidden));
    shapes.put(TYPE, List.of((long) a.typeVocabSize(), hidden));
    norm(shapes, EMBEDDING_NORM, hidden);
    for (int i = 0; i < a.layers(); i++) {
      linear(shapes, layer(i, QUERY), hidden, hidden);
      linear(shapes, layer(i, "attention.self.key"), hidden, hidden);
      linear(shapes, layer(i, "attention.self.value"), hidden, hidden);
      linear(shapes, layer(i, "attention.output.dense"), hidden, hidden);
      norm(shapes, layer(i, "attention.output.LayerNorm"), hidden);
      linear(shapes, layer(i, INTERMEDIATE), inner, hidden);
      linear(shapes, layer(i, "output.dense"), hidden, inner);
      norm(shapes, layer(i, "output.LayerNorm"), hidden);
    }
    return shapes;
  }

  private static void linear(
      SequencedMap<String, List<Long>> shapes, String name, long out, long in) {
    shapes.put(name + ".weight", List.of(out, in));
    shapes.put(name + ".bias", List.of(out));
  }

  private static void norm(SequencedMap<String, List<Long>> shapes, String name, long size) {
    shapes.put(name + ".weight", List.of(size));
    shapes.put(name + ".bias", List.of(size));
  }

  /**
   * Whether a name is one that an encoder gives its weights. Relatives of BERT have more of them.
   */
  static boolean isWeight(String name) {
    return (name.startsWith("embeddings.") || name.startsWith("encoder."))
        && !BUFFERS.contains(name);
  }
}
