package dev.offramp.kernels;

/** Completion of a copy. Host memory that is copied to is filled, and must stay, until then. */
@FunctionalInterface
public interface Event {
  /** An event of work that is complete already. */
  Event DONE = () -> {};

  /**
   * Blocks until the copy and everything queued before it are complete.
   *
   * @throws DeviceException if the device failed
   */
  void await();
}
