package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.OpenClHere;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows run in bulk say what each says in a batch of one, bit for bit and in their order. */
class BulkRunnerTest {
  private static final int LARGEST = 29;
  private static final int MOST_ROWS = 400;
  private static final double[][] THRESHOLDS = {
    {0, 0}, {0.5, 0.5}, {1, 0.4}, {0.9, 0.99}, {0.3, 1}, {1, 1}
  };

  @TempDir private Path folder;

  @Test
  void onJvm() {
    holds(Devices.open("jvm", new DeviceOptions(2)));
  }

  @Test
  void onOpenCl() {
    holds(OpenClHere.open());
  }

  private void holds(Device opened) {
    long seed = Long.getLong("offramp.seed", System.nanoTime());
    System.out.println("BulkRunnerTest: offramp.seed=" + seed);
    Random random = new Random(seed);
    try (Device device = opened;
        ModelDirectory model =
            ModelDirectory.open(TinyModel.write(folder.resolve("model"), 33, 1, 2, 4))) {
      try (BatchRunner single = BatchRunner.open(model, device, 1, TinyModel.MAX_TOKENS)) {
        Set<Integer> exits = new TreeSet<>();
        for (double[] thresholds : THRESHOLDS) {
          int batch = 1 + random.nextInt(LARGEST);
          try (BulkRunner bulk =
              new BulkRunner(single.network(), thresholds, batch, TinyModel.MAX_TOKENS)) {
            for (int rows : new int[] {0, 1, batch, random.nextInt(MOST_ROWS)}) {
              List<int[]> all = TinyModel.tokens(random.nextInt(), rows);
              int[] finished = new int[1];
              List<Outcome> outcomes = bulk.run(all, done -> finished[0] = done);
              assertThat(finished[0]).isEqualTo(rows);
              List<Outcome> alone = new ArrayList<>();
              for (int[] row : all) {
                alone.addAll(single.run(List.of(row), thresholds));
              }
              assertThat(outcomes).isEqualTo(alone);
              alone.stream().map(Outcome::exit).forEach(exits::add);
            }
            assertThat(bulk.counters().failedRows() + bulk.counters().droppedRows()).isZero();
          }
        }
        assertThat(exits).as("exits that somebody takes").containsExactly(0, 1, 2);
      }
      assertThat(device.liveBytes()).isZero();
    }
  }
}
