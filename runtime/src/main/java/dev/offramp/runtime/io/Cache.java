package dev.offramp.runtime.io;

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
}
