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
    int[] fitted = new PictureFit(new Image(4, 4, 1), 4).fit(picture);
    for (int y = 0; y < 4; y++) {
      assertThat(Arrays.copyOfRange(fitted, 4 * y, 4 * y + 4)).containsExactly(expected);
    }
    Pixels turned = grey(8, 8, (x, y) -> row[y]);
    fitted = new PictureFit(new Image(4, 4, 1), 4).fit(turned);
    for (int y = 0; y < 4; y++) {
      assertThat(Arrays.copyOfRange(fitted, 4 * y, 4 * y + 4)).containsOnly(expected[y]);
    }
  }

  @Test
  void doublesByTheNearestTwoPixels() {
    Pixels picture = grey(2, 2, (x, y) -> x == 0 ? 40 : 80);
    int[] fitted = new PictureFit(new Image(4, 4, 1), 4).fit(picture);
    assertThat(Arrays.copyOf(fitted, 4)).containsExactly(40, 50, 70, 80);
  }

  @Test
  void takesTheMiddleOfTheLongerSide() {
    Pixels wide = grey(9, 4, (x, y) -> 10 * x + y);
    assertThat(new PictureFit(new Image(2, 3, 1), 4).fit(wide))
        .containsExactly(31, 41, 51, 32, 42, 52);
    Pixels same = grey(4, 4, (x, y) -> 10 * x + y);
    assertThat(new PictureFit(new Image(4, 4, 1), 4).fit(same)).isEqualTo(same.packed());
  }

  /** Slowly: every output pixel from all input pixels, with the filter as it is defined. */
  @ParameterizedTest
  @CsvSource({"640, 480, 256, 224", "31, 100, 32, 32", "333, 77, 40, 28", "5, 4, 64, 64"})
  void isTheFilterAsDefined(int width, int height, int resize, int side) {
    Random random = new Random(width);
    int[] packed =
        IntStream.generate(() -> random.nextInt(1 << 24)).limit((long) width * height).toArray();
    Pixels picture = new Pixels(width, height, 3, packed);
    int[] fitted = new PictureFit(new Image(side, side, 3), resize).fit(picture);
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
          double down = share(sy, height, top + y, scaledHeight);
          for (int sx = 0; sx < width && down > 0; sx++) {
            double weight = down * share(sx, width, left + x, scaledWidth);
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

  private static double share(int source, int length, int target, int scaled) {
    double scale = (double) length / scaled;
    double distance = Math.abs(source + 0.5 - (target + 0.5) * scale);
    return Math.max(0, 1 - distance / Math.max(1, scale));
  }

  /** Scaled as a whole it would have two billion pixels. */
  @Test
  void worksOutTheMiddleOnly() {
    int length = 1 << 24;
    Pixels line = grey(length, 1, (x, y) -> x < length / 2 ? 10 : 30);
    assertThat(new PictureFit(new Image(2, 2, 1), 128).fit(line)).containsExactly(20, 20, 20, 20);
    Pixels column = new Pixels(1, length, 1, line.packed());
    assertThat(new PictureFit(new Image(2, 2, 1), 2).fit(column)).containsExactly(15, 15, 25, 25);
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
