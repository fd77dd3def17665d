package dev.offramp.kernels.gpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What drivers have in common that do everything at once, so that there is nothing to wait for. */
interface ImmediateDriver extends Driver {
  @Override
  default Pinned pinned(long bytes) {
    MemorySegment segment = Arena.ofAuto().allocate(bytes, 64);
    return new Pinned() {
      @Override
      public MemorySegment segment() {
        return segment;
      }

      @Override
      public void close() {}
    };
  }

  @Override
  default Mark mark() {
    return new Mark() {
      @Override
      public void await() {}

      @Override
      public void close() {}
    };
  }
}
