package dev.offramp.models;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A preprocessor_config.json of transformers' ConvNextImageProcessor, which its ResNets use: the
 * shorter side is scaled to size / crop_pct, the middle of size x size is cut out, bytes become
 * numbers from 0 to 1 and are normalised. What Offramp does not do is refused.
 */
final class HubPictures {
  static final String FILE = "preprocessor_config.json";
  private static final long MAX_BYTES = 1 << 20;
  private static final double USUAL_CROP = 224.0 / 256;

  /** From this size on images are stretched to a square, and nothing is cut off. */
  private static final int STRETCHED = 384;

  /** Grey is turned to colour in any case. */
  private static final Set<String> STEPS =
      Set.of("do_resize", "do_rescale", "do_normalize", "do_convert_rgb");

  private final Json json;

  private HubPictures(Json json) {
    this.json = json;
  }

  /**
   * Reads the file in the weights' folder, if there is one.
   *
   * @throws InputException if it describes steps that Offramp does not take
   */
  static Optional<HubPictures> beside(Path weights) {
    Path file = weights.resolveSibling(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    HubPictures pictures = new HubPictures(Json.parse(file, Disk.readText(file, MAX_BYTES)));
    pictures.checkSteps();
    return Optional.of(pictures);
  }

  private void checkSteps() {
    for (String field : List.of("image_processor_type", "feature_extractor_type")) {
      json.optional(field)
          .filter(type ->
              !type.string().matches("ConvNext(ImageProcessor(Fast|Pil)?|FeatureExtractor)"))
          .ifPresent(type -> {
            throw type.error(
                "is "
                    + type.string()
                    + ", only ConvNextImageProcessor, which transformers' ResNets use, is known;"
                    + " move the file away and say --image-size, --mean and --std");
          });
    }
    for (Map.Entry<String, Json> field : json.fields().entrySet()) {
      if (field.getKey().startsWith("do_")
          && !STEPS.contains(field.getKey())
          && flag(field.getKey(), false)) {
        throw field.getValue().error("is true, which Offramp cannot do; set it to false");
      }
    }
    if (!flag("do_resize", true)) {
      throw json.field("do_resize")
          .error("is false, but Offramp scales all images to one size; set it to true");
    }
    if (!flag("do_rescale", true)) {
      throw json.field("do_rescale")
          .error(
              "is false, but Offramp divides bytes by 255; set it to true, with a mean and a"
                  + " deviation for numbers from 0 to 1");
    }
    json.optional("rescale_factor")
        .filter(factor -> !(Math.abs(factor.number() * 255 - 1) < 1e-6))
        .ifPresent(factor -> {
          throw factor.error(
              "is "
                  + factor.number()
                  + ", but Offramp divides bytes by 255; set it to 0.00392156862745098, with a mean"
                  + " and a deviation for that");
        });
  }

  private boolean flag(String name, boolean usual) {
    return json.optional(name).map(Json::bool).orElse(usual);
  }

  /**
   * Height and width of the images.
   *
   * @param given on the command line
   */
  int size(OptionalInt given) {
    if (given.isPresent()) {
      return given.getAsInt();
    }
    Json size = json.field("size");
    if (size.element().isJsonObject()) {
      size = shortestEdge(size);
    }
    int edge = size.smallInteger();
    if (edge >= STRETCHED) {
      throw size.error(
          "is %1$d, and from %2$d on images are stretched to a square, where Offramp cuts out the"
                  .formatted(edge, STRETCHED)
              + " middle; if the network bears that, say --image-size "
              + edge);
    }
    return edge;
  }

  private static Json shortestEdge(Json size) {
    size.optional("height")
        .or(() -> size.optional("width"))
        .ifPresent(side -> {
          throw side.error(
              "would stretch images to a square, where Offramp cuts out the middle; if the network"
                  + " bears that, say --image-size");
        });
    return size.exactly("shortest_edge").field("shortest_edge");
  }

  /** What the shorter side is scaled to. */
  int resize(int size) {
    Optional<Json> share = json.optional("crop_pct");
    double crop = share.map(Json::number).orElse(USUAL_CROP);
    if (!(crop > 0 && crop <= 1)) {
      throw share.get().error(crop + " is out of range; use a share above 0 and up to 1");
    }
    return (int) (size / crop); // Rounded down; what is out of range is refused with the model.
  }

  /** Pillow's number; versions of transformers take different ones where it is missing. */
  Resample resample() {
    Json number = json.field("resample");
    return switch (number.smallInteger()) {
      case 2 -> Resample.BILINEAR;
      case 3 -> Resample.BICUBIC;
      default ->
          throw number.error(
              "is "
                  + number.smallInteger()
                  + ", but Offramp scales by 2 (bilinear) or 3 (bicubic); use the one that is near"
                  + " enough");
    };
  }

  /** In units of the largest byte. */
  List<Double> mean(int channels) {
    return perChannel("image_mean", 0, channels);
  }

  /** In units of the largest byte. */
  List<Double> std(int channels) {
    return perChannel("image_std", 1, channels);
  }

  /**
   * @param neutral what leaves numbers as they are
   */
  private List<Double> perChannel(String name, double neutral, int channels) {
    if (!flag("do_normalize", true)) {
      return Collections.nCopies(channels, neutral);
    }
    Json field = json.field(name);
    if (!field.element().isJsonArray()) {
      return Collections.nCopies(channels, field.number());
    }
    List<Double> values = field.list().stream().map(Json::number).toList();
    if (values.size() != channels) {
      throw field.error(
          "has %d values where the weights are for images of %d channels; give as many"
              .formatted(values.size(), channels));
    }
    return values;
  }
}
