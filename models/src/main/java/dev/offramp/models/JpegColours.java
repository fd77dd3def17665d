package dev.offramp.models;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Has Java's decoder take a JPEG file's colours as libjpeg does, which is behind the pictures that
 * networks were trained on: numbers as they are stored, YCbCr where nothing says otherwise.
 */
final class JpegColours {
  private static final byte[] PROFILE = "ICC_PROFILE\0".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] JFIF = "JFIF\0".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ADOBE = "Adobe".getBytes(StandardCharsets.US_ASCII);

  /** Version 1.1, no unit of length, no small picture. */
  private static final byte[] JFIF_SEGMENT = {
    (byte) 0xff, (byte) 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0
  };

  private static final byte[] RGB = {'R', 'G', 'B'};

  private JpegColours() {}

  /**
   * The file without colour profiles, by which Java would convert pixels; and with a JFIF marker
   * where its colours have numbers of their own and no marker, which Java would take for RGB. The
   * same array where there is neither.
   */
  static byte[] plain(byte[] bytes) {
    ByteArrayOutputStream plain = new ByteArrayOutputStream();
    int written = 0;
    boolean told = false;
    for (int at = JpegScans.marker(bytes, 0); at >= 0; ) {
      int code = bytes[at + 1] & 0xff;
      if (code == JpegScans.START_OF_SCAN) {
        break;
      }
      int next = Math.min(bytes.length, at + 2 + JpegScans.segment(bytes, at + 2, code));
      boolean profile = code == 0xe2 && starts(bytes, at, PROFILE);
      told |= code == 0xe0 && starts(bytes, at, JFIF) || code == 0xee && starts(bytes, at, ADOBE);
      boolean untold = !told && isFrame(code) && hasOwnNumbers(bytes, at);
      if (profile || untold) {
        plain.write(bytes, written, at - written);
        written = profile ? next : at;
      }
      if (untold) {
        plain.writeBytes(JFIF_SEGMENT);
        told = true;
      }
      at = JpegScans.marker(bytes, next);
    }
    if (written == 0) {
      return bytes; // As most files are.
    }
    plain.write(bytes, written, bytes.length - written);
    return plain.toByteArray();
  }

  private static boolean starts(byte[] bytes, int marker, byte[] name) {
    int from = marker + 4;
    int to = from + name.length;
    return to <= bytes.length && Arrays.equals(bytes, from, to, name, 0, name.length);
  }

  private static boolean isFrame(int code) {
    return code >= 0xc0 && code <= 0xcf && code != 0xc4 && code != 0xc8 && code != 0xcc;
  }

  /** Whether a frame has three components that are not called R, G and B. */
  private static boolean hasOwnNumbers(byte[] bytes, int marker) {
    int count = marker + 9;
    if (count + 7 >= bytes.length || bytes[count] != 3) {
      return false;
    }
    byte[] names = {bytes[count + 1], bytes[count + 4], bytes[count + 7]};
    return !Arrays.equals(names, RGB);
  }
}
