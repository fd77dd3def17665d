package dev.offramp.models;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * What the weights of a convolutional network do not say of its images; by default what is usual
 * for networks of their layout.
 *
 * @param labels a text file with the name of a class on each line, in the order of the logits
 * @param size height and width of the images
 * @param mean of each channel, in units of the largest byte
 * @param std of each channel, in units of the largest byte
 * @param maxPool whether max pooling follows the first convolution, where the weights do not show
 *     it and nothing is usual
 */
public record ImageOptions(
    Optional<Path> labels,
    OptionalInt size,
    Optional<List<Double>> mean,
    Optional<List<Double>> std,
    Optional<Boolean> maxPool) {
  private static final FieldCheck OF_OPTION = new FieldCheck(null);

  /**
   * @throws InputException if a mean or deviation is out of range; names the option
   */
  public ImageOptions {
    mean.orElse(List.of()).forEach(value -> ResnetCheck.mean(OF_OPTION, "--mean", value));
    std.orElse(List.of()).forEach(value -> ResnetCheck.std(OF_OPTION, "--std", value));
  }

  public static ImageOptions defaults() {
    return new ImageOptions(
        Optional.empty(),
        OptionalInt.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  public ImageOptions withLabels(Path file) {
    return new ImageOptions(Optional.of(file), size, mean, std, maxPool);
  }

  public ImageOptions withSize(int value) {
    return new ImageOptions(labels, OptionalInt.of(value), mean, std, maxPool);
  }

  public ImageOptions withMean(List<Double> values) {
    return new ImageOptions(labels, size, Optional.of(values), std, maxPool);
  }

  public ImageOptions withStd(List<Double> values) {
    return new ImageOptions(labels, size, mean, Optional.of(values), maxPool);
  }

  public ImageOptions withMaxPool(boolean value) {
    return new ImageOptions(labels, size, mean, std, Optional.of(value));
  }

  static String maxPoolFlag(boolean value) {
    return value ? "--max-pool" : "--no-max-pool";
  }

  /** The flags of all that are given. */
  List<String> given() {
    return Stream.of(
            labels.map(_ -> "--labels"),
            size.stream().mapToObj(_ -> "--image-size").findAny(),
            mean.map(_ -> "--mean"),
            std.map(_ -> "--std"),
            maxPool.map(ImageOptions::maxPoolFlag))
        .flatMap(Optional::stream)
        .toList();
  }
}
