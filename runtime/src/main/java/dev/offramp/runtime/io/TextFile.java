package dev.offramp.runtime.io;

import dev.offramp.models.Disk;
import dev.offramp.models.InputException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Whole text files, UTF-8. */
public final class TextFile {
  private static final long MAX_BYTES = 1 << 28;

  private TextFile() {}

  /**
   * The lines of a file of the user's.
   *
   * @throws InputException if it is missing, unreadable, too large or not UTF-8
   */
  public static List<String> lines(Path file) {
    return Disk.readLines(file, MAX_BYTES);
  }

  /**
   * Writes a file; a reader sees the old one or the new one, never half of one. A link stays; what
   * it leads to is replaced.
   *
   * @throws InputException if something else is in the way, such as a device
   * @throws UncheckedIOException if that fails, naming the file
   */
  public static void write(Path file, String text) {
    Disk.replaceFile(file, temporary -> Files.writeString(temporary, text));
  }
}
