package dev.offramp.models;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Reading untrusted files whole or mapped, and writing so that nothing half-written is seen. */
public final class Disk {
  /** Bytes at a time: a buffer has no more than 2 GB. */
  private static final long DIGESTED = 1 << 30;

  private static final String BYTE_ORDER_MARK = "\ufeff";
  private static final List<String> STREAMS =
      List.of("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd");

  private Disk() {}

  /** What writes a new file or directory at a temporary place. */
  @FunctionalInterface
  public interface Writer {
    void writeTo(Path temporary) throws IOException;
  }

  /**
   * Pipes and devices are refused: reading them may wait or go on for ever, and twice is once.
   *
   * @throws InputException unless it is a file that can be read, links followed
   */
  public static void requireFile(Path file) {
    if (Files.isDirectory(file)) {
      throw InputException.in(file, null, "is a directory; name a file");
    }
    if (!Files.exists(file)) {
      throw InputException.in(file, null, "does not exist; check the path");
    }
    if (!Files.isRegularFile(file)) {
      throw InputException.in(
          file, null, "is not a regular file; name one, a pipe or device cannot be read");
    }
    if (!Files.isReadable(file)) {
      throw InputException.in(file, null, "is not readable; check its permissions");
    }
  }

  static InputException unreadable(Path file, IOException cause) {
    InputException e =
        InputException.in(
            file,
            null,
            cause instanceof EOFException
                ? "is empty or cut short; get or write the whole file again"
                : "cannot be read ("
                    + (cause.getMessage() == null ? cause.toString() : cause.getMessage())
                    + "); restore the file");
    e.initCause(cause);
    return e;
  }

  /**
   * A small file as strict UTF-8.
   *
   * @throws InputException if it cannot be read, is larger or is not UTF-8
   */
  public static String readText(Path file, long maxBytes) {
    return text(file, readBytes(file, maxBytes));
  }

  /**
   * What was read of a file as strict UTF-8.
   *
   * @throws InputException if it is not UTF-8
   */
  static String text(Path file, byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw InputException.in(
          file, null, "is not UTF-8 text; restore the file or save it as UTF-8");
    }
  }

  /**
   * The lines of a file of the user's, without a byte order mark.
   *
   * @throws InputException as {@link #readText}
   */
  public static List<String> readLines(Path file, long maxBytes) {
    String text = readText(file, maxBytes);
    return (text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text).lines().toList();
  }

  /** A small file's bytes. */
  static byte[] readBytes(Path file, long maxBytes) {
    requireFile(file);
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(Math.toIntExact(maxBytes + 1));
      if (bytes.length > maxBytes) {
        throw InputException.in(
            file, null, "is larger than " + maxBytes + " bytes; this is not the file meant");
      }
      return bytes;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /**
   * Maps the whole file read-only; it is unmapped when the arena closes.
   *
   * @throws InputException if it cannot be read
   */
  public static MemorySegment map(Path file, Arena arena) {
    requireFile(file);
    try (FileChannel channel = FileChannel.open(file)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /**
   * Where a file is written that is named so: links are followed, so that they stay.
   *
   * @return absolute; a regular file, or nothing yet
   * @throws InputException if anything else is there, such as a device, or nothing of that name can
   *     be
   */
  public static Path target(Path file) {
    Path target = file.toAbsolutePath().normalize();
    if (Files.isDirectory(target)) {
      throw InputException.in(file, null, "is a folder; name a file");
    }
    // /dev/stdout leads to a file where the shell sends it to one; replaced, that would be lost.
    boolean stream = target.startsWith("/proc") || STREAMS.stream().anyMatch(target::startsWith);
    if (stream || Files.exists(target) && !Files.isRegularFile(target)) {
      throw InputException.in(
          file, null, "is not a regular file and is not written to; name a file to be made");
    }
    try {
      if (Files.exists(target)) {
        return target.toRealPath();
      }
    } catch (IOException e) {
      throw unwritable(file, e);
    }
    if (Files.isSymbolicLink(target)) {
      throw InputException.in(
          file, null, "is a link to nothing; remove it or make the file that it leads to");
    }
    requireName(file, target);
    return target;
  }

  /**
   * @param named what errors call it
   * @param path what is to be made
   * @throws InputException if its name is too long or otherwise none that can be
   */
  public static void requireName(Path named, Path path) {
    try {
      Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    } catch (NoSuchFileException e) {
      // It is yet to be made.
    } catch (IOException e) {
      throw unwritable(named, e);
    }
  }

  private static InputException unwritable(Path named, IOException e) {
    String reason =
        switch (e) {
          case AccessDeniedException denied -> "permission denied";
          case FileSystemException known when known.getReason() != null -> known.getReason();
          default -> e.toString();
        };
    return InputException.in(named, null, "cannot be written (" + reason + "); name another place");
  }

  /**
   * Writes a file beside its place, then moves it there in one step. A link stays; what it leads to
   * is replaced.
   *
   * @throws InputException as {@link #target}
   * @throws UncheckedIOException if that fails, naming the file
   */
  public static void replaceFile(Path file, Writer writer) {
    replaceFiles(Map.of(file, writer));
  }

  /**
   * As {@link #replaceFile}, for files that belong together: none takes its place before all are
   * written.
   */
  static void replaceFiles(Map<Path, Writer> writers) {
    Map<Path, Path> targets = new LinkedHashMap<>(); // By their temporary files.
    Path at = null;
    try {
      try {
        for (Map.Entry<Path, Writer> entry : writers.entrySet()) {
          at = entry.getKey();
          Path target = target(at);
          Files.createDirectories(target.getParent());
          Path temporary = temporaryBeside(target);
          targets.put(temporary, target);
          entry.getValue().writeTo(temporary);
        }
        for (Map.Entry<Path, Path> entry : targets.entrySet()) {
          at = entry.getValue();
          Files.move(
              entry.getKey(),
              at,
              StandardCopyOption.ATOMIC_MOVE,
              StandardCopyOption.REPLACE_EXISTING);
        }
      } finally {
        for (Path temporary : targets.keySet()) {
          Files.deleteIfExists(temporary);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + at, e);
    }
  }

  /**
   * Writes a directory beside its place, then moves it there; one that was there before is moved
   * aside first and deleted last, or moved back if the new one cannot take its place. A link stays;
   * what it leads to is replaced.
   */
  static void replaceDirectory(Path directory, Writer writer) {
    try {
      Path target =
          Files.exists(directory) ? directory.toRealPath() : directory.toAbsolutePath().normalize();
      Files.createDirectories(target.getParent());
      Path temporary = Files.createDirectory(temporaryBeside(target));
      try {
        writer.writeTo(temporary);
        if (Files.exists(target)) {
          Path aside = temporaryBeside(target);
          Files.move(target, aside, StandardCopyOption.ATOMIC_MOVE);
          try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
          } catch (IOException e) {
            Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
            throw e;
          }
          deleteDirectory(aside);
        } else {
          Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        }
      } finally {
        deleteDirectory(temporary);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + directory, e);
    }
  }

  /** Closes what cannot be used, on the way of another error, which is the one to report. */
  static void closeQuietly(Closeable opened) {
    if (opened != null) {
      try {
        opened.close();
      } catch (IOException e) {
        // See above.
      }
    }
  }

  /**
   * Not Files.createTempFile: that would leave the result readable by its owner only. The target's
   * name is not part of it, as that may be as long as names can be.
   */
  private static Path temporaryBeside(Path target) {
    return target.resolveSibling(".offramp-" + UUID.randomUUID() + ".tmp");
  }

  /** Deletes a flat directory and its files, if it is there. */
  static void deleteDirectory(Path directory) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  /** A new SHA-256, which every Java platform has. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Feeds a name, the length and the bytes of a file, so that no two lists of files collide. */
  static void digest(MessageDigest digest, String name, Path file) {
    requireFile(file);
    try (InputStream in = Files.newInputStream(file)) {
      digest(digest, name, Files.size(file));
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** As the other one, of a file whose bytes are at hand. */
  static void digest(MessageDigest digest, String name, MemorySegment bytes) {
    digest(digest, name, bytes.byteSize());
    for (long at = 0; at < bytes.byteSize(); at += DIGESTED) {
      digest.update(bytes.asSlice(at, Math.min(DIGESTED, bytes.byteSize() - at)).asByteBuffer());
    }
  }

  private static void digest(MessageDigest digest, String name, long length) {
    digest.update((name + "\n" + length + "\n").getBytes(StandardCharsets.UTF_8));
  }
}
