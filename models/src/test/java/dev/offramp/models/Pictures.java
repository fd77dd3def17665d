package dev.offramp.models;

import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;

/** PNG and JPEG files for tests. */
final class Pictures {
  private Pictures() {}

  static byte[] png(int width, int height) throws IOException {
    return encode(noise(width, height, BufferedImage.TYPE_INT_RGB), "png");
  }

  static byte[] jpeg(int width, int height) throws IOException {
    return encode(noise(width, height, BufferedImage.TYPE_INT_RGB), "jpeg");
  }

  static BufferedImage noise(int width, int height, int type) {
    Random random = new Random(1);
    BufferedImage image = new BufferedImage(width, height, type);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, 0xff000000 | random.nextInt(1 << 24));
      }
    }
    return image;
  }

  static byte[] encode(BufferedImage image, String format) throws IOException {
    return encode(new IIOImage(image, null, null), format);
  }

  /** A JPEG of several scans. */
  static byte[] progressiveJpeg(int width, int height) throws IOException {
    IIOImage image = new IIOImage(noise(width, height, BufferedImage.TYPE_INT_RGB), null, null);
    return encode(image, "jpeg", ImageWriteParam.MODE_DEFAULT);
  }

  /** A JPEG of four channels. */
  static byte[] cmyk(int width, int height) throws IOException {
    Raster raster = Raster.createInterleavedRaster(DataBuffer.TYPE_BYTE, width, height, 4, null);
    return encode(new IIOImage(raster, null, null), "jpeg");
  }

  /** A JPEG of one scan and three channels that no marker explains, each of full resolution. */
  static byte[] withoutMarkers(int width, int height) throws IOException {
    Raster raster = noise(width, height, BufferedImage.TYPE_3BYTE_BGR).getRaster();
    return encode(new IIOImage(raster, null, null), "jpeg", ImageWriteParam.MODE_DISABLED);
  }

  /** A JPEG of one scan whose components are called so, in its frame and its scan. */
  static byte[] renamed(byte[] jpeg, int... names) {
    byte[] renamed = jpeg.clone();
    int at = 2;
    for (boolean scan = false; !scan; at += 2 + (jpeg[at + 2] << 8 | jpeg[at + 3] & 0xff)) {
      scan = jpeg[at + 1] == (byte) 0xda;
      boolean frame = jpeg[at + 1] == (byte) 0xc0;
      for (int i = 0; i < names.length && (scan || frame); i++) {
        renamed[at + (scan ? 5 + 2 * i : 10 + 3 * i)] = (byte) names[i];
      }
    }
    return renamed;
  }

  private static byte[] encode(IIOImage image, String format) throws IOException {
    return encode(image, format, ImageWriteParam.MODE_COPY_FROM_METADATA);
  }

  private static byte[] encode(IIOImage image, String format, int progressive) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageWriter writer = ImageIO.getImageWritersByFormatName(format).next();
    try (ImageOutputStream out = ImageIO.createImageOutputStream(bytes)) {
      writer.setOutput(out);
      ImageWriteParam parameters = writer.getDefaultWriteParam();
      if (parameters.canWriteProgressive()) {
        parameters.setProgressiveMode(progressive);
      }
      writer.write(null, image, parameters);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }

  /**
   * A PNG put together by hand.
   *
   * @param type 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
   * @param rows filter byte and samples of each row
   * @param chunks before the data
   */
  static byte[] png(int width, int height, int depth, int type, byte[] rows, byte[]... chunks)
      throws IOException {
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    png.write(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
    ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height);
    png.write(chunk("IHDR", header.put((byte) depth).put((byte) type).array()));
    for (byte[] chunk : chunks) {
      png.write(chunk);
    }
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream out = new DeflaterOutputStream(packed)) {
      out.write(rows);
    }
    png.write(chunk("IDAT", packed.toByteArray()));
    png.write(chunk("IEND", new byte[0]));
    return png.toByteArray();
  }

  static byte[] chunk(String type, byte[] data) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    return ByteBuffer.allocate(12 + data.length)
        .putInt(data.length)
        .put(name)
        .put(data)
        .putInt((int) crc.getValue())
        .array();
  }
}
