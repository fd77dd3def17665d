package dev.offramp.runtime.bench;

import com.google.gson.JsonObject;
import com.sun.management.ThreadMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;

/**
 * What this JVM has allocated and collected, all threads together. A peer's memory outside the Java
 * heap is not in it.
 *
 * @param bytes allocated on the Java heap
 * @param collections of garbage, all collectors together
 * @param millis that the collections took
 */
public record HeapUse(long bytes, long collections, long millis) {
  static final HeapUse NONE = new HeapUse(0, 0, 0);
  private static final ThreadMXBean THREADS =
      ManagementFactory.getPlatformMXBean(ThreadMXBean.class);

  /** Since the JVM started. */
  static HeapUse now() {
    long collections = 0;
    long millis = 0;
    for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
      // A collector that does not count says -1.
      collections += Math.max(0, collector.getCollectionCount());
      millis += Math.max(0, collector.getCollectionTime());
    }
    return new HeapUse(THREADS.getTotalThreadAllocatedBytes(), collections, millis);
  }

  /**
   * Adds a case's fields of it.
   *
   * @param samples that were run meanwhile; where there were none the fields are null
   */
  void addTo(JsonObject line, long samples) {
    line.addProperty("bytesPerSample", samples == 0 ? null : (double) bytes / samples);
    line.addProperty("collections", samples == 0 ? null : collections);
    line.addProperty("collectionMillis", samples == 0 ? null : millis);
  }

  HeapUse plus(HeapUse other) {
    return new HeapUse(bytes + other.bytes, collections + other.collections, millis + other.millis);
  }

  HeapUse since(HeapUse earlier) {
    return new HeapUse(
        bytes - earlier.bytes, collections - earlier.collections, millis - earlier.millis);
  }
}
