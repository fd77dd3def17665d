package dev.offramp.models;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The lines of an untrusted text file, plain or gzipped, decoded strictly as UTF-8. */
final class TextLines implements AutoCloseable {
  /** No text of use is longer; a file without line breaks must not fill the heap. */
  static final int MAX_LINE_BYTES = 1 << 20;

  /** Bounds what a small gzip file can unpack to. */
  static final long MAX_FILE_BYTES = 1L << 28;

  /** Bounds the time that blank lines take, a gigabyte of which packs into a megabyte. */
  static final long MAX_LINES = 2L * TextData.MAX_EXAMPLES;

  private static final int BUFFER = 1 << 16;
  private static final char BYTE_ORDER_MARK = '\ufeff';

  private final Path file;
  private final InputStream in;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final byte[] buffer = new byte[BUFFER];
  private int at;
  private int filled;
  private long number;
  private long bytes;

  private TextLines(Path file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  static TextLines open(Path file) {
    Disk.requireFile(file);
    InputStream raw = null;
    try {
      raw = Files.newInputStream(file);
      boolean zipped = file.toString().toLowerCase(Locale.ROOT).endsWith(".gz");
      InputStream plain = zipped ? new GzipStream(raw) : raw;
      return new TextLines(file, plain);
    } catch (IOException e) {
      Disk.closeQuietly(raw);
      throw Disk.unreadable(file, e);
    }
  }

  /** The next line without its line break, or null at the end. */
  String next() {
    line.reset();
    number++;
    if (!fill()) {
      return null;
    }
    if (number > MAX_LINES) {
      throw error("more than " + MAX_LINES + " lines; split the file or remove blank lines");
    }
    boolean ended = false;
    while (!ended && fill()) {
      int end = at;
      while (end < filled && buffer[end] != '\n') {
        end++;
      }
      if (line.size() + end - at > MAX_LINE_BYTES) {
        throw error("longer than " + MAX_LINE_BYTES + " bytes; break the text into lines");
      }
      line.write(buffer, at, end - at);
      ended = end < filled;
      at = ended ? end + 1 : end;
    }
    bytes += line.size() + 1;
    if (bytes > MAX_FILE_BYTES) {
      throw error("more than " + MAX_FILE_BYTES + " bytes of text; split the file");
    }
    return decode();
  }

  /** Makes sure there are bytes in the buffer; false at the end of the file. */
  private boolean fill() {
    if (at == filled) {
      try {
        at = 0;
        filled = in.read(buffer);
      } catch (IOException e) {
        throw Disk.unreadable(file, e);
      }
      if (filled < 0) {
        filled = 0;
        return false;
      }
    }
    return true;
  }

  private String decode() {
    try {
      String text = decoder.decode(ByteBuffer.wrap(line.toByteArray())).toString();
      if (number == 1 && !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK) {
        text = text.substring(1);
      }
      int last = text.length() - 1;
      int carriage = text.indexOf('\r');
      if (carriage >= 0 && carriage < last) {
        throw error(
            "holds a carriage return; end lines by LF or CRLF, and have none within a text");
      }
      return carriage < 0 ? text : text.substring(0, last);
    } catch (CharacterCodingException e) {
      throw error("not UTF-8; convert the file, for example with iconv -t UTF-8");
    }
  }

  /** An error in the line read last. */
  InputException error(String problemAndRemedy) {
    return InputException.in(file, "line " + number, problemAndRemedy);
  }

  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
