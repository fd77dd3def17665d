package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.OpenClHere;
import dev.offramp.runtime.TinyModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches run two at a time say what each says by itself, bit for bit and in their order. */
class RunAllTest {
  private static final int LARGEST = 29;
  private static final int BATCHES = 23;
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
    System.out.println("RunAllTest: offramp.seed=" + seed);
    Random random = new Random(seed);
    try (Device device = opened;
        ModelDirectory model =
            ModelDirectory.open(TinyModel.write(folder.resolve("model"), 7, 1, 2, 4))) {
      try (BatchRunner runner = BatchRunner.open(model, device, LARGEST, TinyModel.MAX_TOKENS)) {
        List<List<int[]>> batches = new ArrayList<>();
        for (int b = 0; b < BATCHES; b++) {
          batches.add(TinyModel.tokens(random.nextInt(), 1 + random.nextInt(LARGEST)));
        }
        Set<Integer> exits = new TreeSet<>();
        for (double[] thresholds : THRESHOLDS) {
          List<List<Outcome>> together = new ArrayList<>();
          runner.runAll(batches, thresholds, together::add);
          List<List<Outcome>> alone =
              batches.stream().map(batch -> runner.run(batch, thresholds)).toList();
          assertThat(together).isEqualTo(alone);
          alone.stream().flatMap(List::stream).map(Outcome::exit).forEach(exits::add);
        }
        assertThat(exits).as("exits that somebody takes").containsExactly(0, 1, 2);
        runner.runAll(List.of(), THRESHOLDS[0], outcomes -> assertThat(outcomes).isNull());
      }
      assertThat(device.liveBytes()).isZero();
    }
  }
}
