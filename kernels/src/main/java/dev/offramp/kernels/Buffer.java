package dev.offramp.kernels;

/**
 * Memory of one device. It is owned by whoever allocated it: closing it gives its bytes back to the
 * device's {@link Device#liveBytes() gauge}; using it afterwards is an {@link
 * IllegalStateException}. Closing twice is harmless.
 */
public interface Buffer extends AutoCloseable {
  DataType type();

  /** Number of elements, not bytes. */
  long elements();

  @Override
  void close();
}
