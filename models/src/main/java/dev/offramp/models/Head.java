package dev.offramp.models;

import java.util.List;
import java.util.Optional;

/**
 * An exit head: pool the row, then one linear map to the labels.
 *
 * @param type {@code linear}
 * @param pooling {@code mean} or {@code max} over a text's tokens, or the {@code first} token;
 *     {@code mean} over the pixels of each cell of the grid for an image
 * @param confidence {@code top1} probability, {@code margin} between the two largest, or {@code
 *     entropy} (1 minus normalised entropy)
 * @param grid cells along each side of an image's grid; null for texts
 */
public record Head(String type, String pooling, String confidence, Integer grid) {
  static final List<String> TYPES = List.of("linear");
  static final List<String> POOLINGS = List.of("mean", "first", "max");
  static final List<String> CONFIDENCES = List.of("top1", "margin", "entropy");

  /** A head on the tokens of texts. */
  public static Head ofText(String pooling, String confidence) {
    return new Head("linear", pooling, confidence, null);
  }

  /** A head on a grid over images. */
  public static Head ofImage(int grid, String confidence) {
    return new Head("linear", "mean", confidence, grid);
  }

  static Head of(Json json) {
    Optional<Json> grid = json.optional("grid");
    if (grid.isPresent()) {
      json.exactly("type", "pooling", "confidence", "grid");
    } else {
      json.exactly("type", "pooling", "confidence");
    }
    return new Head(
        json.field("type").string(),
        json.field("pooling").string(),
        json.field("confidence").string(),
        grid.map(Json::smallInteger).orElse(null));
  }
}
