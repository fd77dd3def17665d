package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Linear;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ModelTensors;
import dev.offramp.models.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Brings weights of a model directory to a device. */
final class Weights {
  private Weights() {}

  /** Uploads the head of an exit. */
  static Linear head(Device device, ModelDirectory model, int exit) {
    Tensor weight = model.tensor(ModelTensors.exitWeight(exit));
    Tensor bias = model.tensor(ModelTensors.exitBias(exit));
    try (Arena arena = Arena.ofConfined()) {
      return device.head(
          Math.toIntExact(weight.shape().get(1)),
          Math.toIntExact(weight.shape().get(0)),
          weight.toF32(arena),
          DataType.F32,
          bias.toF32(arena));
    }
  }

  /** Uploads numbers as they are. */
  static Buffer buffer(Device device, MemorySegment floats) {
    Buffer buffer = device.allocate(DataType.F32, floats.byteSize() / Float.BYTES);
    try (var failed = new Scope()) {
      failed.add(buffer);
      device.copyIn(floats, buffer, 0).await();
      failed.release();
      return buffer;
    }
  }
}
