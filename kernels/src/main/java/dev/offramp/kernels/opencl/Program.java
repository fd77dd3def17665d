package dev.offramp.kernels.opencl;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.offramp.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The kernels, compiled by the driver. */
final class Program implements Session.Resource {
  /**
   * A multiply and an add may become one operation, which loses no accuracy that anything here
   * relies on. Infinities and NaN keep their meaning.
   */
  private static final String OPTIONS = "-cl-std=CL1.2 -cl-mad-enable";

  private static final int BUILD_LOG = 0x1183;
  private static final int LONGEST_LOG = 2_000;

  private final Session session;
  private final long handle;

  Program(Session session, String text) {
    this.session = session;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocateFrom(ADDRESS, arena.allocateFrom(text));
      handle = OpenCl.createProgram(session.context(), pointer, session.status);
      session.checkStatus("clCreateProgramWithSource");
      session.own(this);
      MemorySegment options = arena.allocateFrom(OPTIONS);
      int code = OpenCl.buildProgram(handle, session.deviceId(), options);
      if (code != Codes.SUCCESS) {
        throw new DeviceException(
            session.failure(code, "clBuildProgram").getMessage()
                + "; update the driver, or report this with the driver's log:\n"
                + log(arena));
      }
    }
  }

  private String log(Arena arena) {
    long device = session.device().handle();
    MemorySegment size = arena.allocate(JAVA_LONG);
    int code = OpenCl.getBuildInfo(handle, device, BUILD_LOG, NULL, size);
    if (code == Codes.SUCCESS) {
      MemorySegment log = arena.allocate(size.get(JAVA_LONG, 0) + 1);
      code = OpenCl.getBuildInfo(handle, device, BUILD_LOG, log, NULL);
      if (code == Codes.SUCCESS) {
        String text = log.getString(0).strip();
        return text.length() <= LONGEST_LOG ? text : text.substring(0, LONGEST_LOG) + " ...";
      }
    }
    return "(none: clGetProgramBuildInfo failed: " + Codes.name(code) + ")";
  }

  /** A kernel with arguments of its own; to be closed. */
  Kernel kernel(String name) {
    try (Arena arena = Arena.ofConfined()) {
      long kernel = OpenCl.createKernel(handle, arena.allocateFrom(name), session.status);
      session.checkStatus("clCreateKernel of " + name);
      return new Kernel(session, name, kernel);
    }
  }

  @Override
  public void close() {
    if (session.disown(this)) {
      session.released(OpenCl.releaseProgram(handle), "clReleaseProgram");
    }
  }
}
