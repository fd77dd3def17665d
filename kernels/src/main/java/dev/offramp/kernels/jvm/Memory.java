package dev.offramp.kernels.jvm;

import dev.offramp.kernels.DeviceException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** The memory of one device: tells its objects from those of others and counts their bytes. */
final class Memory {
  private static final int LONGEST_ARRAY = Integer.MAX_VALUE - 8;

  private final AtomicLong liveBytes = new AtomicLong();
  private volatile boolean closed;

  long liveBytes() {
    return liveBytes.get();
  }

  void add(long bytes) {
    liveBytes.addAndGet(bytes);
  }

  boolean closed() {
    return closed;
  }

  void close() {
    closed = true;
  }

  /** Calls {@code allocation}, which makes arrays of up to {@code elements} elements. */
  static <T> T allocate(String what, long elements, Supplier<T> allocation) {
    if (elements > LONGEST_ARRAY) {
      throw new DeviceException(
          "jvm: %s of %,d elements is more than an array can hold (%,d)"
              .formatted(what, elements, LONGEST_ARRAY));
    }
    try {
      return allocation.get();
    } catch (OutOfMemoryError e) {
      throw new DeviceException(
          "jvm: no memory for %s of %,d elements; raise the heap limit (-Xmx)"
              .formatted(what, elements),
          e);
    }
  }
}
