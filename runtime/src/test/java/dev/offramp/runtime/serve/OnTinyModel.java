package dev.offramp.runtime.serve;

import dev.offramp.runtime.TinyModel;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/**
 * What tests of a server start from: a model with random weights, and the seed that repeats them.
 */
abstract class OnTinyModel {
  @TempDir Path folder;
  Path directory;
  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  final Random random = new Random(seed);

  @BeforeEach
  void write() {
    System.out.println(getClass().getSimpleName() + ": offramp.seed=" + seed);
    directory = TinyModel.write(folder.resolve("tiny"), 7, 1, 2, 4);
  }
}
