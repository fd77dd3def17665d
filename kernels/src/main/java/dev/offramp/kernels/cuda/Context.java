package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The primary context of a device. Every call on the device's behalf goes through here: it is made
 * in this context, checked, and refused once the device was lost.
 */
final class Context implements AutoCloseable {
  /** The context that was last made current on a thread; a thread may use several devices. */
  private static final ThreadLocal<Context> CURRENT = new ThreadLocal<>();

  final Cuda cuda;
  final String id;
  final int device;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment out = arena.allocate(2 * Long.BYTES);
  private final long handle;
  private String lost;

  /** Takes hold of the context of the device with that number; the driver is initialised. */
  Context(Cuda cuda, int number) {
    this.cuda = cuda;
    this.id = "cuda:" + number;
    try {
      check("cuDeviceGet", cuda.deviceGet.call(out, number));
      device = out.get(ValueLayout.JAVA_INT, 0);
      check("cuDevicePrimaryCtxRetain", cuda.primaryCtxRetain.call(out, device));
      handle = out.get(ValueLayout.JAVA_LONG, 0);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** Room of 16 bytes for what a call writes. */
  MemorySegment out() {
    return out;
  }

  /** The handle or address that the last call wrote to {@link #out}. */
  long result() {
    return out.get(ValueLayout.JAVA_LONG, 0);
  }

  /** Calls and checks. */
  void call(NativeFunction function, Object... arguments) {
    int code = attempt(function, arguments);
    if (code != Cuda.SUCCESS) {
      throw failure(function.name(), code);
    }
  }

  /** Calls and returns the code. */
  int attempt(NativeFunction function, Object... arguments) {
    makeCurrent();
    return function.call(arguments);
  }

  /** For libraries that take the thread's context. */
  void makeCurrent() {
    if (lost != null) {
      throw new DeviceException(
          "%s: device lost, open it in a new process (%s)".formatted(id, lost));
    }
    // A virtual thread may come back on another native thread, whose context is not known.
    if (CURRENT.get() != this || Thread.currentThread().isVirtual()) {
      check("cuCtxSetCurrent", cuda.ctxSetCurrent.call(handle));
      CURRENT.set(this);
    }
  }

  /**
   * Calls without a check, on a lost device too, whose memory is still to be given back; for
   * freeing.
   */
  void release(NativeFunction function, Object... arguments) {
    if (CURRENT.get() != this || Thread.currentThread().isVirtual()) {
      cuda.ctxSetCurrent.call(handle);
      CURRENT.set(this);
    }
    function.call(arguments);
  }

  /** The exception for a failed call; notes whether the device is lost. */
  DeviceException failure(String call, int code) {
    String message = cuda.error(call, code);
    if (!Cuda.isLost(code)) {
      return new DeviceException(id + ": " + message);
    }
    lost = message;
    return new DeviceException(
        "%s: device lost: %s; open it in a new process".formatted(id, message));
  }

  private void check(String call, int code) {
    if (code != Cuda.SUCCESS) {
      throw failure(call, code);
    }
  }

  @Override
  public void close() {
    cuda.primaryCtxRelease.call(device);
    CURRENT.remove();
    arena.close();
  }
}
