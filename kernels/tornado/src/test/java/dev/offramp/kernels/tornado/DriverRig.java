package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/** The driver of TornadoVM's first device, as a graphics card, and floats in its memory. */
final class DriverRig implements AutoCloseable {
  final TornadoDriver driver;
  private final Random random = new Random(11);

  DriverRig() {
    TornadoDevice device = Survey.devices().getFirst();
    Traits traits = new Traits(Traits.Dialect.JAVA, false, 256, 32_768, 0);
    driver = new TornadoDriver(Survey.describe(0, device, Precision.F32), traits, device);
  }

  /** Between -1 and 1. */
  float[] numbers(int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = random.nextFloat(-1, 1);
    }
    return numbers;
  }

  Memory memory(float... content) {
    Memory memory = driver.allocate(4L * content.length);
    put(memory, content);
    return memory;
  }

  /** TornadoVM's own handle of it. */
  long handle(Memory memory) {
    return driver.buffers(memory, List.of()).getFirst().toBuffer();
  }

  void put(Memory memory, float[] content) {
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      pinned.segment().copyFrom(MemorySegment.ofArray(content));
      driver.write(pinned.segment(), memory, 0);
      driver.mark().finish();
    }
  }

  float[] get(Memory memory) {
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      driver.read(memory, 0, pinned.segment());
      return pinned.segment().toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  @Override
  public void close() {
    driver.close();
  }
}
