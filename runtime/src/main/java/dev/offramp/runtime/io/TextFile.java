package dev.offramp.runtime.io;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** Whole text files, UTF-8. */
public final class TextFile {
  private static final long MAX_BYTES = 1 << 28;
  private static final String BYTE_ORDER_MARK = "\ufeff";

  private TextFile() {}

  /**
   * The lines of a file of the user's.
   *
   * @throws InputException if it is missing, unreadable, too large or not UTF-8
   */
  public static List<String> lines(Path file) {
    if (!Files.isRegularFile(file)) {
      throw InputException.in(file, null, "no such file");
    }
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw InputException.in(file, null, "is larger than %d bytes".formatted(MAX_BYTES));
      }
      String text = Files.readString(file);
      return (text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text).lines().toList();
    } catch (CharacterCodingException e) {
      throw InputException.in(file, null, "is not UTF-8 text; save it as UTF-8");
    } catch (IOException e) {
      throw InputException.in(file, null, "cannot be read: " + e.getMessage());
    }
  }

  /**
   * Checks, before the work whose result goes there, that a file can be written.
   *
   * @throws InputException if its folder does not exist or is closed to us
   */
  public static void requireWritable(Path file) {
    Path folder = file.toAbsolutePath().normalize().getParent();
    if (folder == null || !Files.isDirectory(folder) || !Files.isWritable(folder)) {
      throw InputException.in(
          file, null, "cannot be written: there is no writable folder of that name; make it first");
    }
    if (Files.isDirectory(file)) {
      throw InputException.in(file, null, "is a folder; name a file");
    }
  }

  /** Writes a file; a reader sees the old one or the new one, never half of one. */
  public static void write(Path file, String text) {
    Path temporary =
        file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid() + ".tmp");
    try {
      try {
        Files.writeString(temporary, text);
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      throw InputException.in(file, null, "cannot be written: " + e);
    }
  }
}
