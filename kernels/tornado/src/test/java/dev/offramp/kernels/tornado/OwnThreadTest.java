package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class OwnThreadTest {
  private static final int WIDTH = 1024;
  private static final int ROWS = 256;

  /** Each thread has a queue of its own in TornadoVM: the second would not wait for the first. */
  @Test
  void whatOneThreadQueuedAnotherSees() throws Exception {
    float[] ones = new float[ROWS * WIDTH];
    Arrays.fill(ones, 1);
    float[] weight = new float[WIDTH * WIDTH];
    Arrays.fill(weight, 2);
    try (Device device = TornadoUnderTest.open();
        Buffer in = device.allocate(DataType.F32, ones.length);
        Buffer out = device.allocate(DataType.F32, ones.length);
        LiveRows rows = device.liveRows(ROWS, 1);
        Linear map =
            device.linear(WIDTH, WIDTH, MemorySegment.ofArray(weight), DataType.F32, null)) {
      int[] all = new int[ROWS];
      Arrays.setAll(all, i -> i);
      int[] lengths = new int[ROWS];
      Arrays.fill(lengths, 1);
      rows.load(all, lengths, 1);
      try (var other = Executors.newSingleThreadExecutor()) {
        other
            .submit(() -> {
              device.gemm(rows, map, in, Epilogue.BIAS, null, out); // compiled now
              device.copyIn(MemorySegment.ofArray(ones), in, 0).await();
              device.gemm(rows, map, in, Epilogue.BIAS, null, out);
            })
            .get();
      }
      float[] found = new float[ones.length];
      device.copyOut(out, 0, MemorySegment.ofArray(found)).await();
      float[] expected = new float[ones.length];
      Arrays.fill(expected, 2 * WIDTH);
      assertThat(found).isEqualTo(expected);
    }
  }
}
