package dev.offramp.kernels;

/** Operations to be run again and again; what they do depends on their buffers' contents then. */
public interface Recording extends AutoCloseable {
  /** Queues the recorded operations. */
  void replay();

  @Override
  void close();
}
