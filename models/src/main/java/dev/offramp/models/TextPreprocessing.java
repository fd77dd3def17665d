package dev.offramp.models;

/**
 * How text becomes the encoder's input.
 *
 * @param tokenizer {@code wordpiece}, read from tokenizer.json
 * @param maxTokens longest input in tokens, [CLS] and [SEP] included; the rest is cut off
 */
public record TextPreprocessing(String tokenizer, int maxTokens) implements Preprocessing {

  static TextPreprocessing of(Json json) {
    json.exactly("tokenizer", "maxTokens");
    return new TextPreprocessing(
        json.field("tokenizer").string(), json.field("maxTokens").smallInteger());
  }
}
