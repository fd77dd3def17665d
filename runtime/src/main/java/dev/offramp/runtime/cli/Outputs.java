package dev.offramp.runtime.cli;

import dev.offramp.models.Disk;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
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
   * @throws InputException if it is taken, its folder does not exist or is closed to us, something
   *     other than a file is there, or nothing of that name can be
   */
  Outputs file(Path file) {
    if (file == null) {
      return this;
    }
    requireWritableFolder(file, absolute(file));
    Path place = Disk.target(file);
    requireWritableFolder(file, place);
    take(file, place);
    return this;
  }

  /**
   * A folder to be written into, and made if it is not there.
   *
   * @param files that will be written in it
   * @throws InputException if it is taken, or can be neither made nor written into, or as for
   *     {@link #file}
   */
  Outputs folder(Path folder, Collection<Path> files) {
    Outputs within = new Outputs(taken);
    take(folder, folder);
    requireRoom(folder, absolute(folder));
    if (Files.isDirectory(folder)) {
      files.forEach(within::file);
    }
    return this;
  }

  /**
   * A model directory to be written, which is built beside its place first.
   *
   * @throws InputException if it is taken, cannot be made, or something is in the way
   */
  Outputs modelDirectory(Path directory, boolean overwrite) {
    take(directory, real(directory));
    ModelDirectory.checkTarget(directory, overwrite);
    requireRoom(directory, absolute(directory));
    Path beside = real(directory).getParent();
    requireRoom(directory, beside == null ? absolute(directory) : beside);
    return this;
  }

  private static void requireWritableFolder(Path named, Path file) {
    Path folder = file.getParent();
    if (folder == null || !Files.isDirectory(folder) || !Files.isWritable(folder)) {
      throw InputException.in(
          named,
          null,
          "cannot be written: there is no writable folder of that name; make it first");
    }
  }

  private void take(Path named, Path place) {
    if (taken.stream().anyMatch(other -> isWithin(named, other) || isWithin(place, other))) {
      throw InputException.in(
          named,
          null,
          "is an input or another output too, or within one; give each output a place of its own");
    }
    taken.add(place);
  }

  /** Looks at what there is of a folder that may have to be made. */
  private static void requireRoom(Path named, Path folder) {
    Path there = folder;
    List<Path> missing = new ArrayList<>();
    while (!Files.exists(there) && there.getParent() != null) {
      if (Files.isSymbolicLink(there)) {
        throw InputException.in(
            named, null, there + " is a link to nothing; remove it or make what it leads to");
      }
      missing.add(there.getFileName());
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
    // Each where something is already: below what is missing no name would be looked at.
    for (Path name : missing) {
      Disk.requireName(named, there.resolve(name));
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
