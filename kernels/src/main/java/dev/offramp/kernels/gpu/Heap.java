package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.gpu.Driver.Memory;

/** The memory of one device: tells its objects from those of others and counts their bytes. */
final class Heap {
  final Driver driver;
  private volatile long liveBytes; // written by who uses the device, read by any thread
  private boolean closed;
  private boolean recording;

  Heap(Driver driver) {
    this.driver = driver;
  }

  /** Memory of undefined content; a byte where none is asked for. */
  Memory allocate(long bytes) {
    Memory memory = driver.allocate(Math.max(1, bytes));
    liveBytes += memory.bytes();
    return memory;
  }

  /** Does nothing where the memory is null or the device closed, which has freed everything. */
  void free(Memory memory) {
    if (memory != null && !closed) {
      liveBytes -= memory.bytes();
      try {
        driver.free(memory);
      } catch (DeviceException e) {
        // The device is lost. Nobody can use the memory any more, and closing the driver frees it.
      }
    }
  }

  /** Throws if the device is closed. */
  void requireOpen(String operation) {
    if (closed) {
      throw new IllegalStateException(operation + ": the device is closed");
    }
  }

  /** Throws while operations are being recorded, which then would run at once. */
  void requireNotRecording(String operation) {
    if (recording) {
      throw new IllegalStateException(operation + ": cannot be recorded");
    }
  }

  void recording(boolean now) {
    recording = now;
  }

  long liveBytes() {
    return liveBytes;
  }

  boolean closed() {
    return closed;
  }

  void close() {
    closed = true;
    liveBytes = 0;
  }
}
