package dev.offramp.models;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Decodes untrusted PNG and JPEG files. What cannot be turned into 8-bit grey or RGB without a
 * choice that only the user can make is refused. The orientation that a camera noted is not
 * applied, nor a colour profile.
 */
final class PictureFile {
  private static final int MAX_BYTES = 256 << 20;
  private static final int JPEG = 0xffd8ff;

  private PictureFile() {}

  /**
   * A picture by itself.
   *
   * @throws InputException as {@link #read(ImageFile, PixelBudget)}
   */
  static Pixels read(ImageFile file) {
    return read(file, PixelBudget.ofOne());
  }

  /**
   * @param budget asked before the picture is unpacked
   * @throws InputException if the picture is damaged, too large, transparent, or of a kind that
   *     cannot be decoded
   */
  static Pixels read(ImageFile file, PixelBudget budget) {
    try {
      return pixels(file, budget);
    } catch (OutOfMemoryError e) {
      // One picture's arrays were too large, and are gone: others may fit.
      throw file.error(
          null, "does not fit Java's heap; make it smaller, or the heap larger (-Xmx)");
    }
  }

  private static Pixels pixels(ImageFile file, PixelBudget budget) {
    boolean png = file.magic() == PngChunks.SIGNATURE;
    if (!png && file.magic() >>> 8 != JPEG) {
      throw file.error(null, "is neither PNG nor JPEG; convert it to one of them, or move it away");
    }
    byte[] bytes;
    try {
      bytes = file.data().readNBytes(MAX_BYTES + 1);
    } catch (IOException e) {
      throw Disk.unreadable(file.path(), e);
    }
    if (bytes.length > MAX_BYTES) {
      throw file.error(null, "is larger than " + MAX_BYTES + " bytes; make it smaller");
    }
    if (png) {
      PngChunks.check(file, bytes);
    } else {
      JpegScans.check(file, bytes);
      bytes = JpegColours.plain(bytes);
    }
    BufferedImage image = decode(file, bytes, png ? "png" : "jpeg", budget);
    ColorModel colors = image.getColorModel();
    if (Arrays.stream(colors.getComponentSize()).anyMatch(bits -> bits > Byte.SIZE)) {
      throw file.error(null, "has more than 8 bits a channel; convert it to 8");
    }
    return colors instanceof IndexColorModel palette
        ? indexed(file, image, palette)
        : direct(file, image);
  }

  private static BufferedImage decode(
      ImageFile file, byte[] bytes, String format, PixelBudget budget) {
    ImageReader reader = ImageIO.getImageReadersByFormatName(format).next();
    List<String> warnings = new ArrayList<>();
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      reader.addIIOReadWarningListener((_, warning) -> {
        // Of a file's version, or of a PNG's colour profile; all others are about the pixels.
        if (!warning.contains("JFIF") && !warning.contains("profile")) {
          warnings.add(warning);
        }
      });
      reader.setInput(in, true, true);
      budget.take(file, (long) reader.getWidth(0) * reader.getHeight(0));
      BufferedImage image = reader.read(0);
      if (!warnings.isEmpty()) {
        throw file.error(null, "is damaged (" + warnings.getFirst() + "); get the file again");
      }
      return image;
    } catch (IOException | RuntimeException e) {
      if (e instanceof InputException) {
        throw (InputException) e;
      }
      // Hostile files lead decoders into exceptions of any kind.
      InputException problem =
          file.error(
              null,
              "cannot be decoded ("
                  + (e.getMessage() == null ? e.toString() : e.getMessage())
                  + "); get the file again, or convert it to an RGB PNG or JPEG");
      problem.initCause(e);
      throw problem;
    } finally {
      reader.dispose();
    }
  }

  private static Pixels indexed(ImageFile file, BufferedImage image, IndexColorModel palette) {
    int width = image.getWidth();
    int[] packed = new int[width * image.getHeight()];
    int[] row = new int[width];
    for (int y = 0; y < image.getHeight(); y++) {
      image.getRaster().getSamples(0, y, width, 1, 0, row);
      for (int x = 0; x < width; x++) {
        if (palette.getAlpha(row[x]) != 0xff) {
          throw transparent(file);
        }
        packed[y * width + x] =
            palette.getRed(row[x]) | palette.getGreen(row[x]) << 8 | palette.getBlue(row[x]) << 16;
      }
    }
    return new Pixels(width, image.getHeight(), 3, packed);
  }

  /** The bytes as they are stored: Java's own conversion to RGB would brighten grey. */
  private static Pixels direct(ImageFile file, BufferedImage image) {
    Raster raster = image.getRaster();
    int bands = raster.getNumBands();
    boolean alpha = image.getColorModel().hasAlpha();
    int channels = alpha ? bands - 1 : bands;
    if (channels != 1 && channels != 3) {
      throw file.error(null, "has " + channels + " channels; convert it to RGB or grey");
    }
    int width = image.getWidth();
    int[] packed = new int[width * image.getHeight()];
    int[] row = new int[width * bands];
    for (int y = 0; y < image.getHeight(); y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int x = 0; x < width; x++) {
        int pixel = 0;
        for (int c = 0; c < channels; c++) {
          pixel |= row[x * bands + c] << 8 * c;
        }
        if (alpha && row[x * bands + channels] != 0xff) {
          throw transparent(file);
        }
        packed[y * width + x] = pixel;
      }
    }
    return new Pixels(width, image.getHeight(), channels, packed);
  }

  private static InputException transparent(ImageFile file) {
    return file.error(
        null, "has transparent pixels, whose colour is not known; flatten it onto a background");
  }
}
