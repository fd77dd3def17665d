package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.gpu.Driver.Memory;

/** Device memory of one element type. */
final class GpuBuffer implements Buffer {
  final Heap heap;
  private final DataType type;
  private final long elements;
  private Memory memory;

  GpuBuffer(Heap heap, DataType type, long elements) {
    this.heap = heap;
    this.type = type;
    this.elements = elements;
    memory = heap.allocate(elements * type.bytes());
    try {
      heap.driver.zero(memory, 0, memory.bytes());
    } catch (RuntimeException e) {
      heap.free(memory);
      throw e;
    }
  }

  @Override
  public DataType type() {
    return type;
  }

  @Override
  public long elements() {
    return elements;
  }

  /** Null once closed. */
  Memory memory() {
    return memory;
  }

  @Override
  public void close() {
    Memory freed = memory;
    memory = null;
    heap.free(freed);
  }
}
