package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.models.ResnetArchitecture.Image;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PictureFitTest {
  /** Weights 1 3 3 1 of eighths inside, 3 3 1 of sevenths at the ends. */
  @Test
  void halvesByATriangleOverFourPixels() {
    int[] row = {10, 20, 70, 40, 50, 60, 0, 255};
    Pixels picture = grey(8, 8, (x, y) -> row[x]);
    int[] expected = {
      Math.round((3 * 10 + 3 * 20 + 70) / 7f),
      Math.round((20 + 3 * 70 + 3 * 40 + 50) / 8f),
      Math.round((40 + 3 * 50 + 3 * 60) / 8f),
      Math.round((60 + 3 * 255) / 7f)
    };
    int[] fitted = fit(new Image(4, 4, 1), 4).fit(picture);
    for (int y = 0; y < 4; y++) {
      assertThat(Arrays.copyOfRange(fitted, 4 * y, 4 * y + 4)).containsExactly(expected);
    }
    Pixels turned = grey(8, 8, (x, y) -> row[y]);
    fitted = fit(new Image(4, 4, 1), 4).fit(turned);
    for (int y = 0; y < 4; y++) {
      assertThat(Arrays.copyOfRange(fitted, 4 * y, 4 * y + 4)).containsOnly(expected[y]);
    }
  }

  @Test
  void doublesByTheNearestTwoPixels() {
    Pixels picture = grey(2, 2, (x, y) -> x == 0 ? 40 : 80);
    int[] fitted = fit(new Image(4, 4, 1), 4).fit(picture);
    assertThat(Arrays.copyOf(fitted, 4)).containsExactly(40, 50, 70, 80);
  }

  @Test
  void takesTheMiddleOfTheLongerSide() {
    Pixels wide = grey(9, 4, (x, y) -> 10 * x + y);
    assertThat(fit(new Image(2, 3, 1), 4).fit(wide)).containsExactly(31, 41, 51, 32, 42, 52);
    Pixels same = grey(4, 4, (x, y) -> 10 * x + y);
    assertThat(fit(new Image(4, 4, 1), 4).fit(same)).isEqualTo(same.packed());
  }

  /** Slowly: every output pixel from all input pixels, with the filter as it is defined. */
  @ParameterizedTest
  @CsvSource({
    "BILINEAR, 640, 480, 256, 224",
    "BILINEAR, 31, 100, 32, 32",
    "BILINEAR, 333, 77, 40, 28",
    "BILINEAR, 5, 4, 64, 64",
    "BICUBIC, 640, 480, 256, 224",
    "BICUBIC, 333, 77, 40, 28",
    "BICUBIC, 5, 4, 64, 64"
  })
  void isTheFilterAsDefined(Resample resample, int width, int height, int resize, int side) {
    Random random = new Random(width);
    // Bytes from 64 to 191, so that nothing is cut off after the first pass.
    int[] packed =
        IntStream.generate(() -> (random.nextInt(1 << 24) & 0x7f7f7f) + 0x404040)
            .limit((long) width * height)
            .toArray();
    Pixels picture = new Pixels(width, height, 3, packed);
    int[] fitted = new PictureFit(new Image(side, side, 3), resize, resample).fit(picture);
    int shorter = Math.min(width, height);
    int scaledWidth = resize * width / shorter;
    int scaledHeight = resize * height / shorter;
    int left = (int) Math.rint((scaledWidth - side) / 2.0);
    int top = (int) Math.rint((scaledHeight - side) / 2.0);
    for (int i = 0; i < 50; i++) {
      int x = random.nextInt(side);
      int y = random.nextInt(side);
      for (int c = 0; c < 3; c++) {
        double sum = 0;
        double total = 0;
        for (int sy = 0; sy < height; sy++) {
          double down = share(resample, sy, height, top + y, scaledHeight);
          for (int sx = 0; sx < width && down != 0; sx++) {
            double weight = down * share(resample, sx, width, left + x, scaledWidth);
            sum += weight * (packed[sy * width + sx] >> 8 * c & 0xff);
            total += weight;
          }
        }
        int actual = fitted[y * side + x] >> 8 * c & 0xff;
        // Rounded once after each of the two passes.
        assertThat(Math.abs(actual - sum / total)).isLessThan(1.1);
      }
    }
  }

  private static double share(Resample resample, int source, int length, int target, int scaled) {
    double scale = (double) length / scaled;
    double distance = Math.abs(source + 0.5 - (target + 0.5) * scale) / Math.max(1, scale);
    if (resample == Resample.BILINEAR) {
      return Math.max(0, 1 - distance);
    }
    double square = distance * distance;
    double cube = square * distance;
    return distance < 1
        ? 1.5 * cube - 2.5 * square + 1
        : distance < 2 ? -0.5 * cube + 2.5 * square - 4 * distance + 2 : 0;
  }

  /** Half a pixel's quarter away: -9, 111, 29 and -3 of 128 parts. */
  @Test
  void bicubicOvershootsAtAnEdgeAndIsCutToAByte() {
    int[] row = {100, 100, 100, 100, 200, 200, 200, 200};
    Pixels edge = grey(8, 8, (x, y) -> row[x]);
    int[] fitted = new PictureFit(new Image(16, 16, 1), 16, Resample.BICUBIC).fit(edge);
    assertThat(Arrays.copyOf(fitted, 16))
        .containsExactly(
            100, 100, 100, 100, 100, 98, 93, 120, 180, 207, 202, 200, 200, 200, 200, 200);
    Pixels hard = grey(8, 8, (x, y) -> row[x] == 100 ? 0 : 255);
    assertThat(
            Arrays.copyOfRange(
                new PictureFit(new Image(16, 16, 1), 16, Resample.BICUBIC).fit(hard), 5, 11))
        .containsExactly(0, 0, 52, 203, 255, 255);
  }

  private static PictureFit fit(Image image, int resize) {
    return new PictureFit(image, resize, Resample.BILINEAR);
  }

  /** Scaled as a whole it would have two billion pixels. */
  @Test
  void worksOutTheMiddleOnly() {
    int length = 1 << 24;
    Pixels line = grey(length, 1, (x, y) -> x < length / 2 ? 10 : 30);
    assertThat(fit(new Image(2, 2, 1), 128).fit(line)).containsExactly(20, 20, 20, 20);
    Pixels column = new Pixels(1, length, 1, line.packed());
    assertThat(fit(new Image(2, 2, 1), 2).fit(column)).containsExactly(15, 15, 25, 25);
  }

  @Test
  void turnsGreyToColourAndBack() {
    Pixels grey = grey(16, 16, (x, y) -> 16 * y + x);
    Pixels colour = grey.to(3);
    assertThat(colour.packed()[0x7f]).isEqualTo(0x7f7f7f);
    assertThat(colour.to(1).packed()).isEqualTo(grey.packed());
    Pixels primaries = new Pixels(4, 1, 3, new int[] {0x0000ff, 0x00ff00, 0xff0000, 0xffffff});
    assertThat(primaries.to(1).packed()).containsExactly(76, 150, 29, 255);
  }

  private interface Shade {
    int at(int x, int y);
  }

  private static Pixels grey(int width, int height, Shade shade) {
    int[] packed = new int[width * height];
    for (int i = 0; i < packed.length; i++) {
      packed[i] = shade.at(i % width, i / width);
    }
    return new Pixels(width, height, 1, packed);
  }
}
