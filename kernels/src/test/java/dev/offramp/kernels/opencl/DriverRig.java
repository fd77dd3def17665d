package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A driver opened anew for each test, with a generator of numbers whose seed is printed. */
abstract class DriverRig {
  /** Adds a to n numbers, or sets them to it if there is no table of addends. */
  static final String ADD =
      """
      __kernel void add(__global float* x, int n, float a, const __global float* addends) {
        int i = (int)get_global_id(0);
        if (i < n) {
          x[i] = addends ? x[i] + addends[i] + a : a;
        }
      }
      """;

  private final long seed = System.nanoTime();
  final Random random = new Random(seed);
  OpenClDriver driver;

  @BeforeEach
  void open() {
    System.out.println(getClass().getSimpleName() + " seed " + seed);
    driver = Present.driver();
  }

  @AfterEach
  void close() {
    if (driver != null) {
      driver.close();
    }
  }

  final void openWith(String text) {
    driver.close();
    driver = new OpenClDriver(Present.candidate(), Precision.F32, text);
  }

  final void await() {
    try (Mark mark = driver.mark()) {
      mark.await();
    }
  }

  final Memory upload(int... values) {
    Memory memory = driver.allocate(values.length * 4L);
    try (Pinned pinned = driver.pinned(values.length * 4L)) {
      MemorySegment.copy(values, 0, pinned.segment(), JAVA_INT, 0, values.length);
      driver.write(pinned.segment(), memory, 0);
      await();
    }
    return memory;
  }

  final Memory upload(float... values) {
    int[] bits = new int[values.length];
    Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
    return upload(bits);
  }

  final int[] ints(Memory memory) {
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      driver.read(memory, 0, pinned.segment());
      await();
      return pinned.segment().toArray(JAVA_INT);
    }
  }

  final float[] floats(Memory memory) {
    int[] bits = ints(memory);
    float[] values = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      values[i] = Float.intBitsToFloat(bits[i]);
    }
    return values;
  }
}
