package dev.offramp.models;

/**
 * Sizes of a BERT encoder (Devlin et al. 2018, arXiv 1810.04805).
 *
 * @param layers encoder layers
 * @param hiddenSize width of a token's vector
 * @param heads attention heads; divides hiddenSize
 * @param intermediateSize width of the feed-forward layer
 * @param vocabSize rows of the word embedding
 * @param maxPositions rows of the position embedding: the longest input in tokens
 * @param typeVocabSize rows of the token type embedding
 * @param layerNormEpsilon added to the variance in layer norm
 * @param activation {@code gelu} (with the error function) or {@code relu}
 */
public record BertArchitecture(
    int layers,
    int hiddenSize,
    int heads,
    int intermediateSize,
    int vocabSize,
    int maxPositions,
    int typeVocabSize,
    double layerNormEpsilon,
    String activation)
    implements Architecture {

  static BertArchitecture of(Json json) {
    json.exactly(
        "layers",
        "hiddenSize",
        "heads",
        "intermediateSize",
        "vocabSize",
        "maxPositions",
        "typeVocabSize",
        "layerNormEpsilon",
        "activation");
    return new BertArchitecture(
        json.field("layers").smallInteger(),
        json.field("hiddenSize").smallInteger(),
        json.field("heads").smallInteger(),
        json.field("intermediateSize").smallInteger(),
        json.field("vocabSize").smallInteger(),
        json.field("maxPositions").smallInteger(),
        json.field("typeVocabSize").smallInteger(),
        json.field("layerNormEpsilon").number(),
        json.field("activation").string());
  }

  @Override
  public int features(int afterLayer, Head head) {
    return hiddenSize;
  }
}
