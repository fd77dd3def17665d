package dev.offramp.runtime.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A folder that is gone, with all it holds, when it is closed or the process is stopped. */
public final class TemporaryFolder implements AutoCloseable {
  private final Path path;
  private final Thread onExit = new Thread(this::delete);

  private TemporaryFolder(Path path) {
    this.path = path;
    Runtime.getRuntime().addShutdownHook(onExit);
  }

  /** A new folder where the system keeps what is temporary. */
  public static TemporaryFolder create() {
    try {
      return new TemporaryFolder(Files.createTempDirectory("offramp"));
    } catch (IOException e) {
      throw new UncheckedIOException("no temporary folder can be made", e);
    }
  }

  /** A new folder in another one, so that what it holds can be moved within one disk. */
  public static TemporaryFolder in(Path parent) {
    try {
      return new TemporaryFolder(Files.createTempDirectory(parent, "offramp"));
    } catch (IOException e) {
      throw new UncheckedIOException("no temporary folder can be made", e);
    }
  }

  public Path path() {
    return path;
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(onExit);
    } catch (IllegalStateException e) {
      return; // The process is stopping: the hook deletes.
    }
    delete();
  }

  private void delete() {
    if (Files.notExists(path)) {
      return; // Moved elsewhere.
    }
    try (Stream<Path> tree = Files.walk(path)) {
      List<Path> deepestFirst = tree.sorted(Comparator.reverseOrder()).toList();
      for (Path file : deepestFirst) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(path + ": cannot be deleted", e);
    }
  }
}
