package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CaptureTest {
  /** Their graphs take more steps than TornadoVM has room for by default. */
  @Test
  void manyCallsThatShareNoMemory() {
    try (DriverRig rig = new DriverRig()) {
      Memory[] each = Stream.generate(() -> rig.memory(1, 2, 3)).limit(70).toArray(Memory[]::new);
      rig.driver.beginCapture();
      for (Memory memory : each) {
        rig.driver.launch("zero_words", Grid.of(1, 64), memory, 1, 1);
      }
      try (Captured captured = rig.driver.endCapture()) {
        for (int launch = 0; launch < 2; launch++) {
          captured.launch();
          for (Memory memory : each) {
            assertThat(rig.get(memory)).containsExactly(1, 0, 3);
            rig.put(memory, new float[] {1, 2, 3});
          }
        }
      }
    }
  }
}
