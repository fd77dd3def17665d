package dev.offramp.runtime.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;

/** Native memory that grows as needed and is kept; growing forgets what it held. */
final class NativeBuffer implements AutoCloseable {
  private static final int ALIGNMENT = 64;

  private Arena arena;
  private MemorySegment memory = MemorySegment.NULL;

  /** All of it. */
  MemorySegment memory() {
    return memory;
  }

  FloatBuffer floats(long count) {
    return bytes(count * Float.BYTES).asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  LongBuffer longs(long count) {
    return bytes(count * Long.BYTES).asByteBuffer().order(ByteOrder.nativeOrder()).asLongBuffer();
  }

  private MemorySegment bytes(long bytes) {
    if (bytes > memory.byteSize()) {
      close();
      arena = Arena.ofShared(); // Batches may be run by one thread after another.
      memory = arena.allocate(bytes, ALIGNMENT);
    }
    return memory.asSlice(0, bytes);
  }

  @Override
  public void close() {
    if (arena != null) {
      arena.close();
      arena = null;
      memory = MemorySegment.NULL;
    }
  }
}
