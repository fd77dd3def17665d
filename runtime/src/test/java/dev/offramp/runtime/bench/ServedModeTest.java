package dev.offramp.runtime.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Scope;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ServedModeTest {
  private static final List<int[]> ROWS = List.of(new int[] {1}, new int[] {2}, new int[] {3});

  @TempDir private Path folder;

  @Test
  void eachRowIsHandedOverWhenTheLastIsAnswered() {
    List<List<int[]>> batches = new CopyOnWriteArrayList<>();
    try (ServedMode mode = new ServedMode(new QueuedService("queue", 8, batches::add))) {
      mode.run(ROWS);
      assertThat(batches).containsExactlyElementsOf(ROWS.stream().map(List::of).toList());
      assertThat(mode.name()).isEqualTo("queue");
    }
  }

  @Test
  void singleStreamServesEarlyExitAlone() {
    Path path = TinyModel.write(folder.resolve("model"), 3, 1, 2, 4);
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, 1, TinyModel.MAX_TOKENS);
        BatchMode full = BatchMode.fullDepth(BatchMode.FULL_DEPTH, runner);
        BatchMode early = BatchMode.earlyExit(BatchMode.EARLY_EXIT, runner, new double[2]);
        Scope services = new Scope()) {
      assertThat(SingleStream.embedded(full, services)).isSameAs(full);
      Mode served = SingleStream.embedded(early, services);
      assertThat(served).isInstanceOf(ServedMode.class);
      assertThat(served.name()).isEqualTo("early-exit");
      served.run(TinyModel.tokens(3, 5));
      assertThat(early.ranBulk()).as("nor is a bulk runner opened").isFalse();
    }
  }

  @Test
  void aFailureIsNotTimedAsAnAnswer() {
    RuntimeException failure = new RuntimeException("broken");
    ServedMode mode =
        new ServedMode(
            new QueuedService(
                "queue",
                8,
                batch -> {
                  throw failure;
                }));
    assertThatThrownBy(
            () -> {
              try (mode) {
                mode.run(ROWS);
              }
            })
        .isSameAs(failure);
  }
}
