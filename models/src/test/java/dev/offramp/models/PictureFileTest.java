package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.color.ColorSpace;
import java.awt.color.ICC_Profile;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureFileTest {
  @TempDir private Path temp;

  @Test
  void readsTheBytesThatAreStored() throws IOException {
    BufferedImage noise = Pictures.noise(7, 5, BufferedImage.TYPE_INT_RGB);
    Pixels pixels = read(Pictures.encode(noise, "png"));
    assertThat(pixels.width()).isEqualTo(7);
    assertThat(pixels.height()).isEqualTo(5);
    assertThat(pixels.channels()).isEqualTo(3);
    for (int i = 0; i < 35; i++) {
      int rgb = noise.getRGB(i % 7, i / 7) & 0xffffff;
      assertThat(pixels.packed()[i]).isEqualTo(rgb >> 16 | rgb & 0x00ff00 | (rgb & 0xff) << 16);
    }
    Pixels grey = read(Pictures.png(2, 1, 8, 0, new byte[] {0, 50, (byte) 200}));
    assertThat(grey.channels()).isEqualTo(1);
    assertThat(grey.packed()).containsExactly(50, 200);
    // Two samples of four bits.
    assertThat(read(Pictures.png(2, 1, 4, 0, new byte[] {0, 0x70})).to(1).packed())
        .containsExactly(0x77, 0);
    byte[] palette = Pictures.chunk("PLTE", new byte[] {1, 2, 3, 4, 5, 6});
    assertThat(read(Pictures.png(2, 1, 8, 3, new byte[] {0, 1, 0}, palette)).packed())
        .containsExactly(4 | 5 << 8 | 6 << 16, 1 | 2 << 8 | 3 << 16);
  }

  @Test
  void readsJpegInColourAndGrey() throws IOException {
    BufferedImage flat = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 256; i++) {
      flat.setRGB(i % 16, i / 16, 0xc86432);
    }
    Pixels pixels = read(Pictures.encode(flat, "jpeg"));
    assertThat(pixels.channels()).isEqualTo(3);
    assertThat(Arrays.stream(pixels.packed()))
        .allMatch(p -> near(p, 0xc8) && near(p >> 8, 0x64) && near(p >> 16, 0x32));
    BufferedImage grey = new BufferedImage(16, 16, BufferedImage.TYPE_BYTE_GRAY);
    for (int i = 0; i < 256; i++) {
      grey.getRaster().setSample(i % 16, i / 16, 0, 90);
    }
    Pixels read = read(Pictures.encode(grey, "jpeg"));
    assertThat(read.channels()).isEqualTo(1);
    assertThat(Arrays.stream(read.packed())).allMatch(p -> near(p, 90));
  }

  /** A profile says what the numbers look like on a screen; networks learn from the numbers. */
  @Test
  void passesOverColourProfiles() throws IOException {
    byte[] profile = ICC_Profile.getInstance(ColorSpace.CS_LINEAR_RGB).getData();
    byte[] name = "ICC_PROFILE\0\1\1".getBytes(StandardCharsets.US_ASCII);
    int length = 2 + name.length + profile.length;
    for (byte[] jpeg : List.of(Pictures.jpeg(64, 48), Pictures.progressiveJpeg(64, 48))) {
      ByteArrayOutputStream with = new ByteArrayOutputStream();
      with.write(jpeg, 0, 20); // The start and JFIF, which comes first.
      with.write(new byte[] {(byte) 0xff, (byte) 0xe2, (byte) (length >> 8), (byte) length});
      with.write(name);
      with.write(profile);
      with.write(jpeg, 20, jpeg.length - 20);
      assertThat(read(with.toByteArray()).packed()).isEqualTo(read(jpeg).packed());
    }
  }

  /** Colours that no marker explains are YCbCr, unless they are called R, G and B. */
  @Test
  void coloursWithNumbersOfTheirOwnAreRead() throws IOException {
    byte[] jpeg = Pictures.withoutMarkers(64, 48);
    Pixels pixels = read(jpeg);
    assertThat(read(Pictures.renamed(jpeg, 0, 1, 2)).packed()).isEqualTo(pixels.packed());
    assertThat(read(Pictures.renamed(jpeg, 34, 35, 36)).packed()).isEqualTo(pixels.packed());
    Pixels rgb = read(Pictures.renamed(jpeg, 'R', 'G', 'B'));
    assertThat(rgb.packed()).isNotEqualTo(pixels.packed());
  }

  private static boolean near(int value, int expected) {
    return Math.abs((value & 0xff) - expected) <= 2;
  }

  @Test
  void dropsAlphaOnlyWhereItSaysNothing() throws IOException {
    BufferedImage image = Pictures.noise(4, 4, BufferedImage.TYPE_INT_ARGB);
    Pixels opaque = read(Pictures.encode(image, "png"));
    assertThat(opaque.channels()).isEqualTo(3);
    image.setRGB(3, 3, 0xfe112233);
    String transparent = "has transparent pixels, whose colour is not known; flatten it";
    refuses(Pictures.encode(image, "png"), transparent);
    assertThat(read(Pictures.png(1, 1, 8, 4, new byte[] {0, 9, -1})).packed()).containsExactly(9);
    refuses(Pictures.png(1, 1, 8, 4, new byte[] {0, 9, 0}), transparent);
    byte[] palette = Pictures.chunk("PLTE", new byte[] {1, 2, 3, 4, 5, 6});
    byte[] clear = Pictures.chunk("tRNS", new byte[] {0});
    refuses(Pictures.png(1, 1, 8, 3, new byte[] {0, 0}, palette, clear), transparent);
    assertThat(read(Pictures.png(1, 1, 8, 3, new byte[] {0, 1}, palette, clear)).packed())
        .containsExactly(4 | 5 << 8 | 6 << 16);
    byte[] colour = Pictures.chunk("tRNS", new byte[] {0, 1, 0, 2, 0, 3});
    refuses(Pictures.png(1, 1, 8, 2, new byte[] {0, 1, 2, 3}, colour), transparent);
    byte[] shade = Pictures.chunk("tRNS", new byte[] {0, 7});
    refuses(Pictures.png(1, 1, 8, 0, new byte[] {0, 7}, shade), transparent);
    refuses(Pictures.png(1, 1, 4, 0, new byte[] {0, 0x70}, shade), "has a transparent shade");
  }

  @Test
  void refusesWhatIsNotEightBitGreyOrRgb() throws IOException {
    refuses(Pictures.png(1, 1, 16, 2, new byte[7]), "has more than 8 bits a channel");
    refuses(Pictures.png(1, 1, 16, 0, new byte[3]), "has more than 8 bits a channel");
    refuses(Pictures.cmyk(8, 8), "; ");
    refuses("GIF89a".getBytes(), "is neither PNG nor JPEG");
    refuses(new byte[0], "is empty");
  }

  @Test
  void refusesABombBeforeItUnpacks() throws IOException {
    refuses(
        Pictures.png(60_000, 60_000, 8, 2, new byte[100]),
        "has 3600000000 pixels, at most 67108864; make it smaller");
  }

  @Test
  void readsWhatIsInMemoryAsFromAFile() throws IOException {
    ModelConfig config = ImageDataTest.config(32, 3, List.of());
    for (byte[] bytes : List.of(Pictures.png(40, 37), Pictures.jpeg(64, 48))) {
      Path path = temp.resolve("picture");
      Files.write(path, bytes);
      Picture read = ImageData.picture(bytes, "input 3", config, new PixelBudget(64 * 48, 64 * 48));
      assertThat(read.pixels()).isEqualTo(ImageData.picture(path, config).pixels());
      assertThat(read.source()).isEqualTo("input 3");
    }
    refuses(new byte[0], 9, "input 3: is empty; send the whole file");
    refuses("GIF89a".getBytes(), 9, "input 3: is neither PNG nor JPEG; ");
    refuses(Pictures.png(3, 4), 11, "input 3: has 12 pixels, at most 11; make it smaller");
    refuses(Pictures.jpeg(3, 4), 11, "input 3: has 12 pixels, at most 11; make it smaller");
    byte[] png = Pictures.png(3, 4);
    refuses(Arrays.copyOf(png, png.length - 1), 12, "input 3: is cut short; get the file again");
  }

  @Test
  void picturesShareABudget() throws IOException {
    ModelConfig config = ImageDataTest.config(32, 3, List.of());
    PixelBudget budget = new PixelBudget(12, 20);
    ImageData.picture(Pictures.png(3, 4), "input 1", config, budget);
    refuses(
        Pictures.jpeg(3, 3),
        budget,
        "input 3: has 9 pixels, 21 with the pictures before it, at most 20; send fewer at a time");
    refuses(Pictures.jpeg(3, 5), budget, "input 3: has 15 pixels, at most 12; make it smaller");
    // Those that were refused took nothing.
    ImageData.picture(Pictures.jpeg(2, 4), "input 4", config, budget);
    refuses(Pictures.png(1, 1), budget, "has 1 pixels, 21 with the pictures before it");
  }

  private static void refuses(byte[] bytes, long pixels, String message) {
    refuses(bytes, new PixelBudget(pixels, pixels), message);
  }

  private static void refuses(byte[] bytes, PixelBudget budget, String message) {
    ModelConfig config = ImageDataTest.config(32, 3, List.of());
    assertThatThrownBy(() -> ImageData.picture(bytes, "input 3", config, budget))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void refusesJpegsOfManyScans() throws IOException {
    byte[] jpeg = Pictures.progressiveJpeg(64, 48);
    assertThat(read(jpeg).width()).isEqualTo(64);
    int scan = jpeg.length - 2;
    while (jpeg[scan] != (byte) 0xff || jpeg[scan + 1] != (byte) 0xda) {
      scan--;
    }
    byte[] last = Arrays.copyOfRange(jpeg, scan, jpeg.length - 2);
    ByteArrayOutputStream many = new ByteArrayOutputStream();
    many.write(jpeg, 0, jpeg.length - 2);
    for (int i = 0; i < JpegScans.MOST; i++) {
      many.write(last);
    }
    refuses(many.toByteArray(), "has more than 64 scans; save it as a baseline JPEG or PNG");
    // What looks like scans in a comment is none, and what follows the end does not matter.
    ByteArrayOutputStream comment = new ByteArrayOutputStream();
    comment.write(jpeg, 0, 2);
    comment.write(new byte[] {(byte) 0xff, (byte) 0xfe, 1, 2});
    for (int i = 0; i < 128; i++) {
      comment.write(new byte[] {(byte) 0xff, (byte) 0xda});
    }
    comment.write(jpeg, 2, jpeg.length - 2);
    comment.write(many.toByteArray());
    assertThat(read(comment.toByteArray()).packed()).isEqualTo(read(jpeg).packed());
  }

  @Test
  void noPartOfAPictureIsEnough() throws IOException {
    byte[] png = Pictures.png(9, 9);
    for (int length = 1; length < png.length; length += 3) {
      refuses(Arrays.copyOf(png, length), "; ");
    }
    byte[] jpeg = Pictures.jpeg(64, 48);
    for (int length = 1; length < jpeg.length; length += 17) {
      refuses(Arrays.copyOf(jpeg, length), "; ");
    }
    refuses(Arrays.copyOf(jpeg, jpeg.length - 2), "is damaged (Truncated File");
    refuses(Pictures.png(64, 64, 8, 2, new byte[100]), "cannot be decoded");
  }

  @Test
  void anyFlippedBitOfAPngIsFound() throws IOException {
    byte[] png = Pictures.png(9, 9);
    Random random = new Random(5);
    for (int i = 0; i < 200; i++) {
      byte[] bad = png.clone();
      bad[8 + random.nextInt(png.length - 8)] ^= (byte) (1 << random.nextInt(8));
      refuses(bad, "; get the file again");
    }
  }

  /** Whatever decoders make of them, the error is about the file. */
  @Test
  void hostileJpegsEndInOneKindOfError() throws IOException {
    byte[] jpeg = Pictures.jpeg(64, 48);
    Random random = new Random(6);
    int refused = 0;
    for (int i = 0; i < 300; i++) {
      byte[] bad = jpeg.clone();
      for (int flips = 0; flips < 5; flips++) {
        bad[3 + random.nextInt(jpeg.length - 3)] = (byte) random.nextInt();
      }
      try {
        read(bad);
      } catch (InputException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(200);
  }

  private Pixels read(byte[] bytes) throws IOException {
    Path path = Files.write(temp.resolve("picture"), bytes);
    try (ImageFile file = ImageFile.open(path)) {
      return PictureFile.read(file);
    }
  }

  private void refuses(byte[] bytes, String message) {
    assertThatThrownBy(() -> read(bytes))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(temp.resolve("picture") + ": ")
        .hasMessageContaining(message);
  }
}
