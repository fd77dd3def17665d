package dev.offramp.models;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.UUID;

/** Reading untrusted files whole or mapped, and writing so that nothing half-written is seen. */
final class Disk {
  private Disk() {}

  /** What writes a new file or directory at a temporary place. */
  interface Writer {
    void writeTo(Path temporary) throws IOException;
  }

  static void requireFile(Path file) {
    if (Files.isDirectory(file)) {
      throw InputException.in(file, null, "is a directory; name a file");
    }
    if (!Files.exists(file)) {
      throw InputException.in(file, null, "does not exist; check the path");
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
            "cannot be read ("
                + (cause.getMessage() == null ? cause.toString() : cause.getMessage())
                + "); restore the file");
    e.initCause(cause);
    return e;
  }

  /** A small file as strict UTF-8. */
  static String readText(Path file, long maxBytes) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(readBytes(file, maxBytes)))
          .toString();
    } catch (CharacterCodingException e) {
      throw InputException.in(file, null, "is not UTF-8 text; restore the file");
    }
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

  /** Maps the whole file read-only; it is unmapped when the arena closes. */
  static MemorySegment map(Path file, Arena arena) {
    requireFile(file);
    try (FileChannel channel = FileChannel.open(file)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** Writes a file beside its place, then moves it there in one step. */
  static void replaceFile(Path file, Writer writer) {
    Path target = file.toAbsolutePath().normalize();
    try {
      Files.createDirectories(target.getParent());
      Path temporary = temporaryBeside(target);
      try {
        writer.writeTo(temporary);
        Files.move(
            temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /**
   * Writes a directory beside its place, then moves it there; one that was there before is moved
   * aside first and deleted last, or moved back if the new one cannot take its place.
   */
  static void replaceDirectory(Path directory, Writer writer) {
    Path target = directory.toAbsolutePath().normalize();
    try {
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

  /** Not Files.createTempFile: that would leave the result readable by its owner only. */
  private static Path temporaryBeside(Path target) {
    return target.resolveSibling("." + target.getFileName() + "-" + UUID.randomUUID() + ".tmp");
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

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every Java platform has SHA-256.
    }
  }

  /** Feeds a name, the length and the bytes of a file, so that no two lists of files collide. */
  static void digest(MessageDigest digest, String name, Path file) {
    requireFile(file);
    try (InputStream in = Files.newInputStream(file)) {
      digest.update((name + "\n" + Files.size(file) + "\n").getBytes(StandardCharsets.UTF_8));
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }
}
