package dev.offramp.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A native library that is loaded for as long as the process lives, if not just looked for. */
final class Library {
  private final String name;
  private final SymbolLookup symbols;

  private Library(String name, SymbolLookup symbols) {
    this.name = name;
    this.symbols = symbols;
  }

  /**
   * Loads the first library there is, looking for each name where the system looks and then in the
   * folders.
   *
   * @return null where there is none
   */
  static Library find(List<String> names, List<Path> folders) {
    return find(names, folders, Arena.global());
  }

  private static Library find(List<String> names, List<Path> folders, Arena arena) {
    for (String name : names) {
      try {
        return new Library(name, SymbolLookup.libraryLookup(name, arena));
      } catch (IllegalArgumentException notThere) {
        // The next name, or a folder, may have it.
      }
    }
    for (Path folder : folders) {
      for (String name : names) {
        Path file = folder.resolve(name);
        if (Files.exists(file)) {
          try {
            return load(file, arena);
          } catch (IllegalArgumentException notLoadable) {
            // Built for another system; the next may do.
          }
        }
      }
    }
    return null;
  }

  /** The name or the file that {@link #find} would load, or null; nothing stays loaded. */
  static String look(List<String> names, List<Path> folders) {
    try (Arena arena = Arena.ofConfined()) {
      Library library = find(names, folders, arena);
      return library == null ? null : library.name;
    }
  }

  /**
   * Loads a file.
   *
   * @throws IllegalArgumentException if it cannot be loaded
   */
  static Library load(Path file) {
    return load(file, Arena.global());
  }

  private static Library load(Path file, Arena arena) {
    return new Library(file.toString(), SymbolLookup.libraryLookup(file, arena));
  }

  /** Where an installed CUDA toolkit keeps its libraries, the user's choice first. */
  static List<Path> cudaFolders() {
    List<Path> folders = new ArrayList<>();
    for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
      String home = System.getenv(variable);
      if (home != null && !home.isBlank()) {
        for (String folder : List.of("lib64", "bin", "bin/x64")) {
          folders.add(Path.of(home, folder));
        }
      }
    }
    folders.add(Path.of("/usr/local/cuda/lib64"));
    folders.add(Path.of("/usr/local/nvidia/lib64"));
    return folders;
  }

  /** The name or the file that it was loaded by. */
  String name() {
    return name;
  }

  SymbolLookup symbols() {
    return symbols;
  }

  /**
   * A function that returns an int.
   *
   * @param shape a letter for each parameter, see {@link NativeFunction}
   */
  NativeFunction function(String function, String shape) {
    return new NativeFunction(this, function, shape);
  }
}
