package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.offramp.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A context with one in-order queue, what is open in it, and whether it still works. Used by one
 * thread at a time, so calls share the few bytes of native memory kept here for their arguments.
 */
final class Session implements AutoCloseable {
  /** Something that must not outlive the session. */
  interface Resource extends AutoCloseable {
    @Override
    void close();
  }

  private final Arena arena = Arena.ofShared();
  private final Set<Resource> resources = new HashSet<>();
  private final Candidate device;
  private final MemorySegment deviceId = arena.allocate(ADDRESS);
  private long context;
  private long queue;
  private String lost;
  private boolean capturing;
  private boolean closed;

  /** The code of a function that returns an object. */
  final MemorySegment status = arena.allocate(JAVA_INT);

  /** One argument, object or result. */
  final MemorySegment value = arena.allocate(JAVA_LONG);

  /** Zeros to fill memory with. */
  final MemorySegment zeros = arena.allocate(16);

  /** Work items of all groups along x and y. */
  final MemorySegment items = arena.allocate(JAVA_LONG, 2);

  /** Work items of one group along x and y. */
  final MemorySegment groupItems = arena.allocate(JAVA_LONG, 2);

  Session(Candidate device) {
    this.device = device;
    deviceId.set(JAVA_LONG, 0, device.handle());
    try {
      context = OpenCl.createContext(deviceId, status);
      int code = status.get(JAVA_INT, 0);
      if (code != Codes.SUCCESS) {
        // A refusal, whatever the code: nothing is there yet that could be lost.
        throw Codes.failure(id(), code, "clCreateContext");
      }
      queue = OpenCl.createQueue(context, device.handle(), status);
      checkStatus("clCreateCommandQueue");
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  String id() {
    return device.id();
  }

  Candidate device() {
    return device;
  }

  /** A list of the one device. */
  MemorySegment deviceId() {
    return deviceId;
  }

  long context() {
    return context;
  }

  long queue() {
    return queue;
  }

  /** Throws if the session is closed or the device was lost. */
  void ready() {
    if (closed) {
      throw new IllegalStateException(id() + " is closed");
    }
    if (lost != null) {
      throw new DeviceException(id() + ": device lost (" + lost + "); close it and open it again");
    }
  }

  /** The same, and while launches are being captured. */
  void readyToQueue() {
    ready();
    if (capturing) {
      throw new IllegalStateException(id() + ": launches are being captured");
    }
  }

  void capturing(boolean now) {
    capturing = now;
  }

  void check(int code, String call) {
    if (code != Codes.SUCCESS) {
      throw failure(code, call);
    }
  }

  /** Checks what the last function that returns an object has left. */
  void checkStatus(String call) {
    check(status.get(JAVA_INT, 0), call);
  }

  /** The failure of a call; the device is lost if the code says so. */
  DeviceException failure(int code, String call) {
    return Codes.isLoss(code) ? loss(code, call) : Codes.failure(id(), code, call);
  }

  /** The failure of work that had been queued: what it was to compute is gone, and so is all. */
  DeviceException loss(int code, String call) {
    if (lost == null) {
      lost = call + ": " + Codes.name(code);
    }
    return new DeviceException(
        Codes.failure(id() + ": device lost", code, call).getMessage()
            + "; close it and open it again");
  }

  void own(Resource resource) {
    resources.add(resource);
  }

  boolean owns(Resource resource) {
    return resources.contains(resource);
  }

  /** Whether the resource was open until now. */
  boolean disown(Resource resource) {
    return resources.remove(resource);
  }

  /** Checks a call that frees: on a lost device nothing more is to be had. */
  void released(int code, String call) {
    if (lost == null) {
      check(code, call);
    }
  }

  /** Waits for queued work and frees everything; a second time does nothing. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    List<DeviceException> failures = new ArrayList<>();
    if (queue != 0 && lost == null) {
      attempt(failures, () -> check(OpenCl.finish(queue), "clFinish"));
    }
    for (Resource resource : List.copyOf(resources)) {
      attempt(failures, resource::close);
    }
    closed = true;
    if (queue != 0) {
      attempt(failures, () -> released(OpenCl.releaseQueue(queue), "clReleaseCommandQueue"));
    }
    if (context != 0) {
      attempt(failures, () -> released(OpenCl.releaseContext(context), "clReleaseContext"));
    }
    arena.close();
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }

  private static void attempt(List<DeviceException> failures, Runnable step) {
    try {
      step.run();
    } catch (DeviceException e) {
      failures.add(e);
    }
  }
}
