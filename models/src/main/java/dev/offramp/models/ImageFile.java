package dev.offramp.models;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The bytes of an untrusted file with images, unpacked if they are gzip. */
final class ImageFile implements AutoCloseable {
  private static final int BUFFER = 1 << 16;
  private static final int GZIP = 0x1f8b;

  private final Path path;
  private final String name;
  private final BufferedInputStream in;
  private final DataInputStream data;
  private final int magic;

  private ImageFile(Path path, String name, BufferedInputStream in) throws IOException {
    this.path = path;
    this.name = name;
    this.in = in;
    data = new DataInputStream(in);
    in.mark(Integer.BYTES);
    int first = 0;
    for (byte b : in.readNBytes(Integer.BYTES)) {
      first = first << 8 | b & 0xff;
    }
    magic = first;
    in.reset();
  }

  /**
   * @throws InputException if the file is empty or cannot be opened
   */
  static ImageFile open(Path path) {
    Disk.requireFile(path);
    BufferedInputStream in = null;
    try {
      if (Files.size(path) == 0) {
        throw InputException.in(path, null, "is empty; get the file again");
      }
      in = new BufferedInputStream(Files.newInputStream(path), BUFFER);
      ImageFile plain = new ImageFile(path, null, in);
      return plain.magic >>> 16 == GZIP
          ? new ImageFile(path, null, new BufferedInputStream(new GzipStream(in), BUFFER))
          : plain;
    } catch (IOException e) {
      Disk.closeQuietly(in);
      throw Disk.unreadable(path, e);
    }
  }

  /**
   * A file that is in memory already; gzip is left as it is.
   *
   * @param name what errors call it
   * @throws InputException if it is empty
   */
  static ImageFile of(byte[] bytes, String name) {
    if (bytes.length == 0) {
      throw InputException.in(null, name, "is empty; send the whole file");
    }
    try {
      return new ImageFile(null, name, new BufferedInputStream(new ByteArrayInputStream(bytes)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The first four bytes, big endian; 0 if there are none. */
  int magic() {
    return magic;
  }

  /** Null if it is in memory. */
  Path path() {
    return path;
  }

  DataInputStream data() {
    return data;
  }

  /**
   * @param part of the file, or null for the whole
   */
  InputException error(String part, String problemAndRemedy) {
    return InputException.in(path, part == null ? name : part, problemAndRemedy);
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
