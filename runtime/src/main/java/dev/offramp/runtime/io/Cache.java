package dev.offramp.runtime.io;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Where downloads are kept, and what devices have measured of themselves. */
public final class Cache {
  private Cache() {}

  /** What OFFRAMP_CACHE names, else {@code ~/.cache/offramp}; absolute, not made yet. */
  public static Path directory() {
    String named = System.getenv("OFFRAMP_CACHE");
    Path directory =
        named == null || named.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache", "offramp")
            : Path.of(named);
    return directory.toAbsolutePath().normalize();
  }

  /**
   * Where devices keep what they have measured, or null where the home folder's name is beyond what
   * the JVM's locale can name: they measure anew then.
   */
  public static Path ofDevices() {
    try {
      return directory().resolve("devices");
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /**
   * Makes the directory, if it is not there, before something is fetched to be kept in it.
   *
   * @throws InputException if it cannot be made or written into
   */
  public static Path make() {
    Path directory = directory();
    try {
      if (Files.isWritable(Files.createDirectories(directory))) {
        return directory;
      }
    } catch (IOException e) {
      // Told below: what matters is that nothing can be kept there.
    }
    throw InputException.in(
        directory,
        null,
        "downloads and results are kept there, and it cannot be made or written into; name another"
            + " folder in the environment variable OFFRAMP_CACHE");
  }
}
