package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.ImageShape;
import java.util.ArrayList;
import java.util.List;

/** Operations on images besides the convolution; a row is one position. */
final class ImageCases {
  /** Capacity, height, width, channels. */
  private static final int[][] IMAGES = {
    {1, 1, 1, 1}, {7, 7, 5, 3}, {5, 8, 8, 64}, {2, 32, 31, 16}, {129, 3, 3, 7}, {3, 9, 8, 33}
  };

  private ImageCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (int[] s : new int[][] {{1, 1, 1, 1}, {7, 7, 5, 3}, {129, 2, 3, 4}, {2, 32, 32, 3}}) {
      cases.add(
          new Case(
              "pixels",
              shape(s),
              Tolerance.ROUNDED,
              side -> pixels(side, images(side, s), image(s))));
    }
    for (int[] s : IMAGES) {
      for (int[] window : new int[][] {{3, 2, 1}, {2, 2, 0}, {3, 1, 2}, {5, 1, 4}}) {
        ImageShape image = image(s);
        if (image.height() + 2 * window[2] >= window[0]) {
          ConvolutionShape shape =
              new ConvolutionShape(
                  image, image.channels(), window[0], window[1], window[2], image.channels());
          cases.add(
              exactly(
                  "maxPool",
                  "%s, kernel %d/%d, padding %d"
                      .formatted(shape(s), window[0], window[1], window[2]),
                  side -> maxPool(side, images(side, s), shape, 0)));
        }
      }
      for (int grid : new int[] {1, 2, 3, 7}) {
        if (grid <= Math.min(s[1], s[2])) {
          cases.add(
              gridPool(
                  "%s, grid %d".formatted(shape(s), grid),
                  side -> gridPool(side, images(side, s), image(s), grid, 0)));
        }
      }
      for (int stride : new int[] {1, 2, 3}) {
        int channels = 2 * s[3] + stride - 2;
        cases.add(
            exactly(
                "shortcut",
                "%s, stride %d, to %d channels".formatted(shape(s), stride, channels),
                side -> shortcut(side, images(side, s), image(s), stride, channels, 0)));
      }
    }
    ImageShape image = new ImageShape(5, 4, 7);
    ConvolutionShape window = new ConvolutionShape(image, 7, 3, 2, 1, 7);
    cases.add(
        exactly("maxPool", "NaN", side -> maxPool(side, Batch.full(3, 1), window, odd(side))));
    cases.add(gridPool("NaN", side -> gridPool(side, Batch.full(3, 1), image, 2, odd(side))));
    cases.add(
        exactly(
            "shortcut",
            "NaN",
            side -> shortcut(side, Batch.full(3, 1), image, 2, 9, oddCorner(side))));
    Batch none = Batch.none(3, 1);
    cases.add(
        new Case(
            "pixels",
            "no live row",
            Tolerance.ROUNDED,
            side -> pixels(side, none, new ImageShape(5, 4, 3))));
    cases.add(exactly("maxPool", "no live row", side -> maxPool(side, none, window, 0)));
    cases.add(gridPool("no live row", side -> gridPool(side, none, image, 2, 0)));
    cases.add(exactly("shortcut", "no live row", side -> shortcut(side, none, image, 2, 9, 0)));
    return cases;
  }

  private static Case exactly(String operation, String shape, Case.Play play) {
    return new Case(operation, shape, Tolerance.EXACT, play);
  }

  private static Case gridPool(String shape, Case.Play play) {
    return new Case("gridPool", shape, Tolerance.ROUNDED, play);
  }

  private static String shape(int[] s) {
    return "%d images of %s".formatted(s[0], image(s));
  }

  private static ImageShape image(int[] s) {
    return new ImageShape(s[1], s[2], s[3]);
  }

  private static Batch images(Side side, int[] s) {
    return Batch.random(side.random, s[0], 1);
  }

  private static void pixels(Side side, Batch batch, ImageShape image) {
    int channels = image.channels();
    Buffer scale = side.f32(side.singles(channels, 0.02));
    Buffer shift = side.f32(side.singles(channels, 2));
    Buffer pixels = side.i32(side.random.ints((long) batch.capacity() * image.pixels()).toArray());
    Buffer out = side.activations(batch.poisoned(image.elements()));

    side.device.pixels(batch.load(side), image, scale, shift, pixels, out);

    side.output("out", batch.written(side.floats(out), image.elements()));
  }

  /** Where NaN goes; 0 for nowhere. */
  private static int odd(Side side) {
    return 1 + side.random.nextInt(3 * 5 * 4 * 7 - 1);
  }

  /** In the first pixel of an image, which every stride takes. */
  private static int oddCorner(Side side) {
    return 5 * 4 * 7 * (1 + side.random.nextInt(2)) + side.random.nextInt(7);
  }

  private static Buffer input(Side side, Batch batch, ImageShape image, int odd) {
    float[] values = batch.input(side, image.elements(), 1);
    for (int i = 0; i < values.length; i++) {
      values[i] -= 2; // Below the zeros of a padding.
      values[i] = side.rounded(values[i]);
    }
    if (odd > 0) {
      values[odd] = Float.NaN;
    }
    return side.activations(values);
  }

  private static void maxPool(Side side, Batch batch, ConvolutionShape window, int odd) {
    int width = window.out().elements();
    Buffer in = input(side, batch, window.in(), odd);
    Buffer out = side.activations(batch.poisoned(width));

    side.device.maxPool(batch.load(side), window, in, out);

    side.output("out", batch.written(side.floats(out), width));
  }

  private static void gridPool(Side side, Batch batch, ImageShape image, int grid, int odd) {
    int width = grid * grid * image.channels();
    Buffer in = input(side, batch, image, odd);
    Buffer out = side.activations(batch.poisoned(width));

    side.device.gridPool(batch.load(side), image, grid, in, out);

    side.output("out", batch.written(side.floats(out), width));
  }

  private static void shortcut(
      Side side, Batch batch, ImageShape image, int stride, int channels, int odd) {
    int pixels = Math.ceilDiv(image.height(), stride) * Math.ceilDiv(image.width(), stride);
    Buffer in = input(side, batch, image, odd);
    Buffer out = side.activations(batch.poisoned(pixels * channels));

    side.device.shortcut(batch.load(side), image, stride, channels, in, out);

    side.output("out", batch.written(side.floats(out), pixels * channels));
  }
}
