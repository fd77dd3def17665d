package dev.offramp.models;

import java.util.List;
import java.util.Optional;

/**
 * How a picture becomes the network's input: its shorter side is scaled to {@code resize} pixels,
 * what lies around the middle is cut off, and each byte becomes (byte / 255 - mean) / std of its
 * channel.
 *
 * @param resample {@code bilinear} or {@code bicubic}: how pixels are weighed when scaling
 * @param mean shape [channels]
 * @param std shape [channels], each above 0
 */
public record ImagePreprocessing(int resize, String resample, List<Double> mean, List<Double> std)
    implements Preprocessing {
  public ImagePreprocessing {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
  }

  /** Of {@code bilinear} scaling. */
  public ImagePreprocessing(int resize, List<Double> mean, List<Double> std) {
    this(resize, Resample.BILINEAR.jsonName(), mean, std);
  }

  static ImagePreprocessing of(Json json) {
    Optional<Json> resample = json.optional("resample");
    if (resample.isPresent()) {
      json.exactly("resize", "resample", "mean", "std");
    } else {
      json.exactly("resize", "mean", "std"); // As it was written when there was one way only.
    }
    return new ImagePreprocessing(
        json.field("resize").smallInteger(),
        resample.map(Json::string).orElse(Resample.BILINEAR.jsonName()),
        json.field("mean").list().stream().map(Json::number).toList(),
        json.field("std").list().stream().map(Json::number).toList());
  }
}
