package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
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

  /** They run as one task graph, whose grid and numbers are replaced in between. */
  @Test
  void capturesOfTheSameKernelOnTheSameMemoryDifferInNumbers() {
    try (DriverRig rig = new DriverRig()) {
      Memory memory = rig.memory(new float[200]);
      try (Captured few = capture(rig, memory, 1, 3);
          Captured many = capture(rig, memory, 50, 100)) {
        for (int round = 0; round < 2; round++) {
          assertThat(zeroed(rig, memory, few)).containsExactly(1, 2, 3);
          assertThat(zeroed(rig, memory, many)).hasSize(100).contains(50, 149);
        }
      }
    }
  }

  private static Captured capture(DriverRig rig, Memory memory, int first, int count) {
    rig.driver.beginCapture();
    rig.driver.launch("zero_words", Grid.of((count + 63) / 64, 64), memory, first, count);
    return rig.driver.endCapture();
  }

  /** Places that a launch set to zero. */
  private static List<Integer> zeroed(DriverRig rig, Memory memory, Captured captured) {
    float[] ones = new float[200];
    Arrays.fill(ones, 1);
    rig.put(memory, ones);
    captured.launch();
    float[] found = rig.get(memory);
    return IntStream.range(0, found.length).filter(i -> found[i] == 0).boxed().toList();
  }
}
