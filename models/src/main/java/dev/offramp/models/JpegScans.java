package dev.offramp.models;

/**
 * Bounds the work that a JPEG file asks for: a decoder goes over the whole picture for every scan
 * in the file, and a scan may be a few bytes.
 */
final class JpegScans {
  /** Encoders write up to some ten. */
  static final int MOST = 64;

  private static final int MARKER = 0xff;
  private static final int START_OF_SCAN = 0xda;
  private static final int END_OF_IMAGE = 0xd9;

  private JpegScans() {}

  /**
   * @throws InputException if there are more scans than any encoder writes
   */
  static void check(ImageFile file, byte[] bytes) {
    int scans = 0;
    for (int at = 0; at + 1 < bytes.length; at++) {
      int code = bytes[at + 1] & 0xff;
      // A marker is 0xff and a code; before 0 it is data, before another 0xff it is padding.
      if ((bytes[at] & 0xff) != MARKER || code == 0 || code == MARKER) {
        continue;
      }
      if (code == END_OF_IMAGE) {
        return;
      }
      if (code == START_OF_SCAN && ++scans > MOST) {
        throw file.error(
            null, "has more than " + MOST + " scans; save it as a baseline JPEG or PNG");
      }
      at += 1 + segment(bytes, at + 2, code);
    }
  }

  /** Bytes of the segment after a marker, its length included; it may hold anything. */
  private static int segment(byte[] bytes, int at, int code) {
    boolean alone = code == 0x01 || code >= 0xd0 && code <= END_OF_IMAGE;
    if (alone || at + 1 >= bytes.length) {
      return 0;
    }
    return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
  }
}
