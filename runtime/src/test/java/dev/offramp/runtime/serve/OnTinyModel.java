package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.TinyModel;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
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
    directory = TinyModel.write(folder.resolve("tiny"), 33, 1, 2, 4);
  }

  /** Waits for what is sure to come, however busy the machine is. */
  static void until(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.call()) {
      assertThat(System.nanoTime() - end).as("time for %s", what).isNegative();
      Thread.sleep(5);
    }
  }
}
