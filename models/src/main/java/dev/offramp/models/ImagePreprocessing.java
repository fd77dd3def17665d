package dev.offramp.models;

import java.util.List;

/**
 * How a picture becomes the network's input: its shorter side is scaled to {@code resize} pixels,
 * what lies around the middle is cut off, and each byte becomes (byte / 255 - mean) / std of its
 * channel.
 *
 * @param mean shape [channels]
 * @param std shape [channels], each above 0
 */
public record ImagePreprocessing(int resize, List<Double> mean, List<Double> std)
    implements Preprocessing {
  public ImagePreprocessing {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
  }

  static ImagePreprocessing of(Json json) {
    json.exactly("resize", "mean", "std");
    return new ImagePreprocessing(
        json.field("resize").smallInteger(),
        json.field("mean").list().stream().map(Json::number).toList(),
        json.field("std").list().stream().map(Json::number).toList());
  }
}
