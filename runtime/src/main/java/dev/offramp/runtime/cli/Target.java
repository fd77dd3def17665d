package dev.offramp.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;

/** Where a command writes: never over what it reads. */
final class Target {
  private Target() {}

  /**
   * Whether a file that may not exist yet is another one, or lies within it as a folder; by the
   * names as given and by those that links lead to.
   */
  static boolean isWithin(Path target, Path read) {
    return absolute(target).startsWith(absolute(read)) || real(target).startsWith(real(read));
  }

  private static Path absolute(Path file) {
    return file.toAbsolutePath().normalize();
  }

  /** Links followed as far as the path exists. */
  private static Path real(Path file) {
    Path absolute = absolute(file);
    try {
      return absolute.toRealPath();
    } catch (IOException e) { // It is not there yet.
      Path folder = absolute.getParent();
      return folder == null ? absolute : real(folder).resolve(absolute.getFileName());
    }
  }
}
