package dev.offramp.models;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/**
 * Checks that a PNG file is whole: ImageIO passes over wrong checksums and a missing end, and gives
 * pixels that nobody drew.
 */
final class PngChunks {
  static final int SIGNATURE = 0x89504e47;

  private static final int SIGNATURE_BYTES = 8;
  private static final int AROUND_DATA = 12;

  /** Where the header, which comes first, has the bits of a sample and the kind of colour. */
  private static final int DEPTH = 24;

  private static final int COLOUR = 25;
  private static final int GREY = 0;

  private PngChunks() {}

  /**
   * @throws InputException if a chunk is cut short or its checksum is wrong, or the last is
   *     missing; or if a shade of less than 8 bits is transparent, which ImageIO does not see
   */
  static void check(ImageFile file, byte[] bytes) {
    ByteBuffer png = ByteBuffer.wrap(bytes);
    int at = SIGNATURE_BYTES;
    String type = "";
    while (!type.equals("IEND")) {
      long length = at + AROUND_DATA <= bytes.length ? png.getInt(at) & 0xffffffffL : 0;
      if (at + AROUND_DATA + length > bytes.length) {
        throw file.error(null, "is cut short; get the file again");
      }
      type = new String(bytes, at + 4, 4, StandardCharsets.ISO_8859_1);
      CRC32 crc = new CRC32();
      crc.update(bytes, at + 4, 4 + (int) length);
      at += AROUND_DATA + (int) length;
      if ((int) crc.getValue() != png.getInt(at - 4)) {
        throw file.error(null, "is damaged, a checksum is wrong; get the file again");
      }
      if (bytes.length > COLOUR
          && type.equals("tRNS")
          && bytes[COLOUR] == GREY
          && bytes[DEPTH] < Byte.SIZE) {
        throw file.error(null, "has a transparent shade of grey; flatten it onto a background");
      }
    }
  }
}
