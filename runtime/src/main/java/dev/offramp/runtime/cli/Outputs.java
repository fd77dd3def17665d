package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a command writes, looked at before any work: never over what it reads, nor twice at one
 * place, nor where nothing can be written. A file's folder must be there; a folder is made.
 */
final class Outputs {
  private final List<Path> taken;

  /**
   * @param read files that the command reads, and folders, nothing in which may be written
   */
  Outputs(List<Path> read) {
    taken = new ArrayList<>(read);
  }

  /**
   * A file to be written.
   *
   * @param file null for none
   * @throws InputException if it is taken, its folder does not exist or is closed to us, or it is a
   *     folder itself
   */
  Outputs file(Path file) {
    if (file == null) {
      return this;
    }
    take(file);
    Path folder = absolute(file).getParent();
    if (folder == null || !Files.isDirectory(folder) || !Files.isWritable(folder)) {
      throw InputException.in(
          file, null, "cannot be written: there is no writable folder of that name; make it first");
    }
    if (Files.isDirectory(file)) {
      throw InputException.in(file, null, "is a folder; name a file");
    }
    return this;
  }

  /**
   * A folder to be written into, and made if it is not there.
   *
   * @throws InputException if it is taken, or can be neither made nor written into
   */
  Outputs folder(Path folder) {
    take(folder);
    requireRoom(folder, absolute(folder));
    return this;
  }

  /**
   * A model directory to be written, which is built beside its place first.
   *
   * @throws InputException if it cannot be made, or something is in the way
   */
  static void modelDirectory(Path directory, boolean overwrite) {
    ModelDirectory.checkTarget(directory, overwrite);
    Path beside = absolute(directory).getParent();
    requireRoom(directory, beside == null ? absolute(directory) : beside);
  }

  private void take(Path target) {
    if (taken.stream().anyMatch(other -> isWithin(target, other))) {
      throw InputException.in(
          target,
          null,
          "is an input or another output too, or within one; give each output a place of its own");
    }
    taken.add(target);
  }

  /** Looks at what there is of a folder that may have to be made. */
  private static void requireRoom(Path named, Path folder) {
    Path there = folder;
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    if (!Files.isDirectory(there) || !Files.isWritable(there)) {
      throw InputException.in(
          named,
          null,
          "cannot be written: %s is %s; name another place"
              .formatted(
                  there,
                  Files.isDirectory(there) ? "a folder that you may not write into" : "a file"));
    }
  }

  /**
   * Whether a file that may not exist yet is another one, or lies within it as a folder; by the
   * names as given and by those that links lead to.
   */
  private static boolean isWithin(Path target, Path read) {
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
