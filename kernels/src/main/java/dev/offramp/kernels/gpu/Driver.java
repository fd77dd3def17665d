package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import java.lang.foreign.MemorySegment;

/**
 * One in-order queue of an accelerator with its memory and kernels: what OpenCL and CUDA have in
 * common, as far as {@link GpuDevice} needs it. Used by one thread at a time. Every call that
 * fails, throws a {@link DeviceException} that names the device, the native function and the name
 * of its code; so does every call after the device was lost.
 */
public interface Driver extends AutoCloseable {
  /** Why no native library can be opened where Java refuses, and what to do. */
  String NO_NATIVE_ACCESS =
      "Java may not call native code here; start it with --enable-native-access=ALL-UNNAMED";

  DeviceInfo info();

  Traits traits();

  /**
   * Allocates memory of undefined content.
   *
   * @param bytes at least 1
   * @throws DeviceException if the device has not enough memory; nothing is allocated then
   */
  Memory allocate(long bytes);

  /** Frees memory as soon as queued work no longer uses it. */
  void free(Memory memory);

  /** Queues setting {@code bytes} bytes from {@code offset} on to zero. */
  void zero(Memory memory, long offset, long bytes);

  /** Allocates host memory that the device can copy from and to at full speed; zeroed. */
  Pinned pinned(long bytes);

  /** Queues a copy of all of {@code source}, which is pinned, to the device. */
  void write(MemorySegment source, Memory target, long offset);

  /** Queues a copy that fills all of {@code target}, which is pinned, from the device. */
  void read(Memory source, long offset, MemorySegment target);

  /** A mark behind everything queued so far. */
  Mark mark();

  /**
   * Queues a kernel, or adds it to the capture that has been begun.
   *
   * @param kernel name of a function of {@link KernelSources}
   * @param arguments in the order of the function's parameters: {@link Memory}, Integer or Float;
   *     null is a null pointer
   */
  void launch(String kernel, Grid grid, Object... arguments);

  /** The vendor's matrix product where its library was found, else null. */
  default DenseProduct denseProduct() {
    return null;
  }

  /** From here on {@link #launch} collects instead of queueing. Nothing else may be called. */
  void beginCapture();

  /** Ends the capture and makes what was collected ready for being launched again and again. */
  Captured endCapture();

  /** Ends the capture and drops what was collected; never throws. */
  void abandonCapture();

  /** Waits for queued work and frees everything. Closing twice is harmless. */
  @Override
  void close();

  /**
   * Memory of a device.
   *
   * @param handle a cl_mem or a CUdeviceptr
   */
  record Memory(long handle, long bytes) {}

  /** Host memory known to the device; closing frees it. */
  interface Pinned extends AutoCloseable {
    MemorySegment segment();

    @Override
    void close();
  }

  /** A place in the queue; must be closed. */
  interface Mark extends AutoCloseable {
    /** Waits until the device has got there. */
    void await();

    /** Waits, then closes. */
    default void finish() {
      try {
        await();
      } finally {
        close();
      }
    }

    @Override
    void close();
  }

  /** Launches with fixed arguments. */
  interface Captured extends AutoCloseable {
    /** Queues all of them. */
    void launch();

    @Override
    void close();
  }
}
