package dev.offramp.runtime.io;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
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
   * Writes a file; a reader sees the old one or the new one, never half of one.
   *
   * @throws UncheckedIOException if that fails, naming the file
   */
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
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }
}
