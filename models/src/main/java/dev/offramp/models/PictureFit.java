package dev.offramp.models;

import dev.offramp.models.ResnetArchitecture.Image;
import java.util.Arrays;

/**
 * Brings pictures to a model's size: the shorter side is scaled to {@code resize} pixels by a
 * filter as wide as the reduction, so that all pixels count, then the middle is cut out. These are
 * the sums of Pillow's resize, in its fixed-point numbers: 22 bits, rows first.
 */
record PictureFit(Image image, int resize, Resample resample) {
  private static final int BITS = 22;

  /**
   * What each pixel of a line is made of.
   *
   * @param first the first pixel of the source, for each pixel
   * @param weights of it and those after it, for each pixel; together 1 << BITS
   */
  private record Filter(int[] first, int[][] weights) {
    int start() {
      return Arrays.stream(first).min().orElseThrow();
    }

    int end() {
      int end = 0;
      for (int i = 0; i < first.length; i++) {
        end = Math.max(end, first[i] + weights[i].length);
      }
      return end;
    }
  }

  /**
   * @param config of a model that takes images
   */
  static PictureFit of(ModelConfig config) {
    ImagePreprocessing preprocessing = (ImagePreprocessing) config.preprocessing();
    return new PictureFit(
        config.resnet().image(), preprocessing.resize(), Resample.named(preprocessing.resample()));
  }

  /** Packed pixels [height * width] of the model's image. */
  int[] fit(Pixels picture) {
    Pixels source = picture.to(image.channels());
    int shorter = Math.min(source.width(), source.height());
    // The longer side may be scaled to billions of pixels; only those in the middle are worked out.
    long width = scaled(source.width(), shorter);
    long height = scaled(source.height(), shorter);
    Filter across = filter(source.width(), width, image.width());
    Filter down = filter(source.height(), height, image.height());
    int from = down.start();
    int rows = down.end() - from;
    int[] lines = new int[rows * image.width()];
    for (int y = 0; y < rows; y++) {
      int start = (from + y) * source.width();
      for (int x = 0; x < image.width(); x++) {
        lines[y * image.width() + x] =
            sum(source.packed(), start + across.first[x], 1, across.weights[x]);
      }
    }
    int[] result = new int[image.height() * image.width()];
    for (int y = 0; y < image.height(); y++) {
      for (int x = 0; x < image.width(); x++) {
        int start = (down.first[y] - from) * image.width() + x;
        result[y * image.width() + x] = sum(lines, start, image.width(), down.weights[y]);
      }
    }
    return result;
  }

  private long scaled(int side, int shorter) {
    return (long) resize * side / shorter;
  }

  /**
   * @param length of the source
   * @param scaled length of the result
   * @param window pixels in the middle of the result
   */
  private Filter filter(int length, long scaled, int window) {
    double scale = (double) length / scaled;
    double wider = Math.max(scale, 1);
    double reach = resample.reach() * wider;
    long cut = (long) Math.rint((scaled - window) / 2.0);
    int[] first = new int[window];
    int[][] weights = new int[window][];
    for (int i = 0; i < window; i++) {
      double centre = (cut + i + 0.5) * scale;
      int from = Math.max((int) (centre - reach + 0.5), 0);
      int to = Math.min((int) (centre + reach + 0.5), length);
      double[] shares = new double[to - from];
      for (int s = 0; s < shares.length; s++) {
        shares[s] = resample.weight((from + s - centre + 0.5) / wider);
      }
      double total = Arrays.stream(shares).sum();
      first[i] = from;
      weights[i] =
          Arrays.stream(shares)
              .mapToInt(s -> (int) (Math.copySign(0.5, s) + s / total * (1 << BITS)))
              .toArray();
    }
    return new Filter(first, weights);
  }

  /** The weighted sum of pixels, each channel by itself. */
  private static int sum(int[] pixels, int start, int step, int[] weights) {
    int red = 1 << BITS - 1;
    int green = red;
    int blue = red;
    for (int i = 0; i < weights.length; i++) {
      int pixel = pixels[start + i * step];
      red += weights[i] * (pixel & 0xff);
      green += weights[i] * (pixel >> 8 & 0xff);
      blue += weights[i] * (pixel >> 16 & 0xff);
    }
    return clip(red) | clip(green) << 8 | clip(blue) << 16;
  }

  private static int clip(int sum) {
    return Math.clamp(sum >> BITS, 0, 255);
  }
}
