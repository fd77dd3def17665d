package dev.offramp.models;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * The plain bytes of a gzip file (RFC 1952), member after member, or an error. Java's own stream
 * takes what follows the first member for the end of the file unless a whole header begins there:
 * of a file that was cut short samples would be missing, and nothing would say so.
 */
final class GzipStream extends InputStream {
  private static final int BUFFER = 1 << 16;
  private static final int MAGIC = 0x8b1f;
  private static final int DEFLATE = 8;

  /** After the flags: time, extra flags, operating system. */
  private static final int UNUSED = 6;

  private static final int HEADER_CRC = 2;
  private static final int EXTRA = 4;
  private static final int NAME = 8;
  private static final int COMMENT = 16;
  private static final int RESERVED = 0xe0;

  private final InputStream raw;
  private final byte[] buffer = new byte[BUFFER];
  private int at;
  private int filled;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 crc = new CRC32();
  private boolean ended;

  /**
   * @param raw closed with this
   * @throws IOException if no member begins there
   */
  GzipStream(InputStream raw) throws IOException {
    this.raw = raw;
    try {
      header(next());
    } catch (IOException e) {
      inflater.end();
      throw e;
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    while (!ended && length > 0) {
      int count;
      try {
        count = inflater.inflate(target, offset, length);
      } catch (DataFormatException e) {
        throw new ZipException(e.getMessage() == null ? "damaged gzip data" : e.getMessage());
      }
      if (count > 0) {
        crc.update(target, offset, count);
        return count;
      }
      if (inflater.finished()) {
        at -= inflater.getRemaining();
        trailer();
        ended = !begins();
      } else if (inflater.needsDictionary()) {
        throw new ZipException("gzip data with a dictionary");
      } else {
        requireMore();
        inflater.setInput(buffer, at, filled - at);
        at = filled;
      }
    }
    return ended ? -1 : 0;
  }

  /** Begins the next member; false at the end of the file, before which there may be zeros. */
  private boolean begins() throws IOException {
    int zeros = 0;
    while (at < filled || fill()) {
      int first = next();
      if (first != 0) {
        if (zeros > 0) {
          throw new ZipException("something follows its end");
        }
        inflater.reset();
        crc.reset();
        header(first);
        return true;
      }
      zeros++;
    }
    return false;
  }

  private void header(int first) throws IOException {
    if ((first | next() << 8) != MAGIC || next() != DEFLATE) {
      throw new ZipException("not gzip, or something else follows its end");
    }
    int flags = next();
    if ((flags & RESERVED) != 0) {
      throw new ZipException("unknown gzip flags");
    }
    skip(UNUSED);
    if ((flags & EXTRA) != 0) {
      skip(next() | next() << 8);
    }
    for (int text : new int[] {NAME, COMMENT}) {
      while ((flags & text) != 0 && next() != 0) {
        // To the zero that ends it.
      }
    }
    if ((flags & HEADER_CRC) != 0) {
      skip(2);
    }
  }

  private void trailer() throws IOException {
    if (four() != crc.getValue() || four() != (inflater.getBytesWritten() & 0xffffffffL)) {
      throw new ZipException("checksum or length of the gzip data is wrong");
    }
  }

  private long four() throws IOException {
    return next() | next() << 8 | next() << 16 | (long) next() << 24;
  }

  private void skip(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      next();
    }
  }

  private int next() throws IOException {
    requireMore();
    return buffer[at++] & 0xff;
  }

  private void requireMore() throws IOException {
    if (at == filled && !fill()) {
      throw new EOFException("the gzip data ends too early");
    }
  }

  private boolean fill() throws IOException {
    at = 0;
    filled = Math.max(0, raw.read(buffer));
    return filled > 0;
  }

  @Override
  public void close() throws IOException {
    inflater.end();
    raw.close();
  }
}
