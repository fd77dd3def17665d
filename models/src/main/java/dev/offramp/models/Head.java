package dev.offramp.models;

import java.util.List;

/**
 * An exit head: pool the rows' tokens, then one linear map to the labels.
 *
 * @param type {@code linear}
 * @param pooling {@code mean} or {@code max} over the tokens, or the {@code first} token
 * @param confidence {@code top1} probability, {@code margin} between the two largest, or {@code
 *     entropy} (1 minus normalised entropy)
 */
public record Head(String type, String pooling, String confidence) {
  static final List<String> TYPES = List.of("linear");
  static final List<String> POOLINGS = List.of("mean", "first", "max");
  static final List<String> CONFIDENCES = List.of("top1", "margin", "entropy");

  static Head of(Json json) {
    json.exactly("type", "pooling", "confidence");
    return new Head(
        json.field("type").string(),
        json.field("pooling").string(),
        json.field("confidence").string());
  }
}
