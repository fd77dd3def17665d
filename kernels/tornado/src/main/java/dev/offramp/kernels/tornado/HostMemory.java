package dev.offramp.kernels.tornado;

import dev.offramp.kernels.gpu.Driver.Pinned;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;

/** Arrays that copies from and to a device pass through, found again by their parts. */
final class HostMemory {
  private final Copies copies;
  private final List<ByteArray> arrays = new ArrayList<>();

  HostMemory(Copies copies) {
    this.copies = copies;
  }

  /**
   * Zeroed memory.
   *
   * @param idle waits for copies, before the memory goes
   */
  Pinned pinned(long bytes, Runnable idle) {
    ByteArray array = new ByteArray(Math.toIntExact(bytes));
    array.getSegment().fill((byte) 0);
    arrays.add(array);
    return new Pinned() {
      @Override
      public MemorySegment segment() {
        return array.getSegment();
      }

      @Override
      public void close() {
        idle.run();
        arrays.remove(array);
      }
    };
  }

  private ByteArray array(MemorySegment part) {
    for (ByteArray array : arrays) {
      long at = part.address() - array.getSegment().address();
      if (at >= 0 && at + part.byteSize() <= array.getSegment().byteSize()) {
        return array;
      }
    }
    throw new IllegalArgumentException("the host memory is not pinned");
  }

  /** Queues a copy of pinned memory. */
  void write(MemorySegment source, XPUBuffer target, long at) {
    copies.write(array(source), source, target, at);
  }

  /**
   * Copies to pinned memory, waiting for what is queued. TornadoVM does not tell of a copy that
   * failed, as all do once the device is lost; so the target is marked first.
   *
   * @return false where nothing was copied
   */
  boolean read(XPUBuffer source, long at, MemorySegment target) {
    MemorySegment start = target.asSlice(0, Math.min(8, target.byteSize()));
    for (byte mark = 1; mark <= 2; mark++) { // Twice: the first may be what is there.
      start.fill(mark);
      copies.read(source, at, array(target), target);
      for (byte found : start.toArray(ValueLayout.JAVA_BYTE)) {
        if (found != mark) {
          return true;
        }
      }
    }
    return false;
  }
}
