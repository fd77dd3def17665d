package dev.offramp.models;

/**
 * Bounds the work that a JPEG file asks for: a decoder goes over the whole picture for every scan
 * in the file, and a scan may be a few bytes.
 */
final class JpegScans {
  /** Encoders write up to some ten. */
  static final int MOST = 64;

  static final int START_OF_SCAN = 0xda;

  private static final int MARKER = 0xff;
  private static final int END_OF_IMAGE = 0xd9;

  private JpegScans() {}

  /**
   * @throws InputException if there are more scans than any encoder writes
   */
  static void check(ImageFile file, byte[] bytes) {
    int scans = 0;
    for (int at = marker(bytes, 0); at >= 0; ) {
      int code = bytes[at + 1] & 0xff;
      // Before the first scan it ends tables alone, and the picture follows.
      if (code == END_OF_IMAGE && scans > 0) {
        return;
      }
      if (code == START_OF_SCAN && ++scans > MOST) {
        throw file.error(
            null, "has more than " + MOST + " scans; save it as a baseline JPEG or PNG");
      }
      at = marker(bytes, at + 2 + segment(bytes, at + 2, code));
    }
  }

  /**
   * Where the next marker is, from a place on, or -1. It is 0xff and a code; before 0 that is data,
   * before another 0xff padding.
   */
  static int marker(byte[] bytes, int from) {
    for (int at = from; at + 1 < bytes.length; at++) {
      int code = bytes[at + 1] & 0xff;
      if ((bytes[at] & 0xff) == MARKER && code != 0 && code != MARKER) {
        return at;
      }
    }
    return -1;
  }

  /** Bytes of the segment after a marker, its length included; it may hold anything. */
  static int segment(byte[] bytes, int at, int code) {
    if (!hasSegment(code) || at + 1 >= bytes.length) {
      return 0;
    }
    return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
  }

  /**
   * Whether the decoder passes over a segment by its length. Of markers that it does not know it
   * drops the code alone and goes on behind it, where scans may be.
   */
  private static boolean hasSegment(int code) {
    return code >= 0xc0 && code <= 0xcf // Frames and tables.
        || code >= START_OF_SCAN && code <= 0xdd // Scans, tables, number of lines, restarts.
        || code >= 0xe0 && code <= 0xef // Of applications.
        || code == 0xfe; // Comment.
  }
}
