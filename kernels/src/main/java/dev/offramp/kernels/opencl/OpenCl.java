package dev.offramp.kernels.opencl;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The functions of OpenCL 1.2 that are used, one call each; arguments that are the same everywhere
 * are left out. Functions that return an object put their code into {@code status}, the others
 * return it. May be loaded only where {@link Library#present}.
 */
final class OpenCl {
  private static final int TRUE = 1;
  private static final int FALSE = 0;

  private static final MethodHandle PLATFORM_IDS =
      code("clGetPlatformIDs", JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle DEVICE_IDS =
      code("clGetDeviceIDs", JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle PLATFORM_INFO = info("clGetPlatformInfo");
  private static final MethodHandle DEVICE_INFO = info("clGetDeviceInfo");
  private static final MethodHandle KERNEL_INFO = info("clGetKernelInfo");
  private static final MethodHandle EVENT_INFO = info("clGetEventInfo");
  private static final MethodHandle BUILD_INFO =
      code("clGetProgramBuildInfo", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);

  private static final MethodHandle CREATE_CONTEXT =
      object("clCreateContext", ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
  private static final MethodHandle CREATE_QUEUE =
      object("clCreateCommandQueue", JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);
  private static final MethodHandle CREATE_PROGRAM =
      object("clCreateProgramWithSource", JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
  private static final MethodHandle BUILD_PROGRAM =
      code("clBuildProgram", JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
  private static final MethodHandle CREATE_KERNEL =
      object("clCreateKernel", JAVA_LONG, ADDRESS, ADDRESS);
  private static final MethodHandle SET_ARGUMENT =
      code("clSetKernelArg", JAVA_LONG, JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle CREATE_BUFFER =
      object("clCreateBuffer", JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS);

  private static final MethodHandle WRITE = copy("clEnqueueWriteBuffer");
  private static final MethodHandle READ = copy("clEnqueueReadBuffer");
  private static final MethodHandle FILL =
      code(
          "clEnqueueFillBuffer",
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle LAUNCH =
      code(
          "clEnqueueNDRangeKernel",
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS,
          JAVA_INT,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle MAP =
      Library.function(
          "clEnqueueMapBuffer",
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          ADDRESS,
          ADDRESS,
          ADDRESS);
  private static final MethodHandle UNMAP =
      code("clEnqueueUnmapMemObject", JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle MARKER =
      code("clEnqueueMarkerWithWaitList", JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle WAIT = code("clWaitForEvents", JAVA_INT, ADDRESS);
  private static final MethodHandle FLUSH = code("clFlush", JAVA_LONG);
  private static final MethodHandle FINISH = code("clFinish", JAVA_LONG);

  private static final MethodHandle RELEASE_EVENT = code("clReleaseEvent", JAVA_LONG);
  private static final MethodHandle RELEASE_BUFFER = code("clReleaseMemObject", JAVA_LONG);
  private static final MethodHandle RELEASE_KERNEL = code("clReleaseKernel", JAVA_LONG);
  private static final MethodHandle RELEASE_PROGRAM = code("clReleaseProgram", JAVA_LONG);
  private static final MethodHandle RELEASE_QUEUE = code("clReleaseCommandQueue", JAVA_LONG);
  private static final MethodHandle RELEASE_CONTEXT = code("clReleaseContext", JAVA_LONG);

  private OpenCl() {}

  private static MethodHandle code(String name, MemoryLayout... parameters) {
    return Library.function(name, JAVA_INT, parameters);
  }

  private static MethodHandle object(String name, MemoryLayout... parameters) {
    return Library.function(name, JAVA_LONG, parameters);
  }

  private static MethodHandle info(String name) {
    return code(name, JAVA_LONG, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
  }

  private static MethodHandle copy(String name) {
    return code(
        name, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS,
        ADDRESS);
  }

  /** {@code platforms} may be NULL when only their number is asked for, {@code count} too. */
  static int getPlatformIds(int room, MemorySegment platforms, MemorySegment count) {
    try {
      return (int) PLATFORM_IDS.invokeExact(room, platforms, count);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** Devices of every type. */
  static int getDeviceIds(long platform, int room, MemorySegment devices, MemorySegment count) {
    try {
      return (int) DEVICE_IDS.invokeExact(platform, 0xFFFFFFFFL, room, devices, count);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static int getPlatformInfo(long platform, int what, MemorySegment value, MemorySegment size) {
    return info(PLATFORM_INFO, platform, what, value, size);
  }

  static int getDeviceInfo(long device, int what, MemorySegment value, MemorySegment size) {
    return info(DEVICE_INFO, device, what, value, size);
  }

  static int getKernelInfo(long kernel, int what, MemorySegment value) {
    return info(KERNEL_INFO, kernel, what, value, NULL);
  }

  static int getEventInfo(long event, int what, MemorySegment value) {
    return info(EVENT_INFO, event, what, value, NULL);
  }

  private static int info(
      MethodHandle function, long object, int what, MemorySegment value, MemorySegment size) {
    try {
      return (int) function.invokeExact(object, what, value.byteSize(), value, size);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static int getBuildInfo(
      long program, long device, int what, MemorySegment value, MemorySegment size) {
    try {
      return (int) BUILD_INFO.invokeExact(program, device, what, value.byteSize(), value, size);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static long createContext(MemorySegment device, MemorySegment status) {
    try {
      return (long) CREATE_CONTEXT.invokeExact(NULL, 1, device, NULL, NULL, status);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** An in-order queue. */
  static long createQueue(long context, long device, MemorySegment status) {
    try {
      return (long) CREATE_QUEUE.invokeExact(context, device, 0L, status);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** {@code text} points to a pointer to the text. */
  static long createProgram(long context, MemorySegment text, MemorySegment status) {
    try {
      return (long) CREATE_PROGRAM.invokeExact(context, 1, text, NULL, status);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static int buildProgram(long program, MemorySegment device, MemorySegment options) {
    try {
      return (int) BUILD_PROGRAM.invokeExact(program, 1, device, options, NULL, NULL);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static long createKernel(long program, MemorySegment name, MemorySegment status) {
    try {
      return (long) CREATE_KERNEL.invokeExact(program, name, status);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static int setArgument(long kernel, int index, long size, MemorySegment value) {
    try {
      return (int) SET_ARGUMENT.invokeExact(kernel, index, size, value);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static long createBuffer(long context, long flags, long bytes, MemorySegment status) {
    try {
      return (long) CREATE_BUFFER.invokeExact(context, flags, bytes, NULL, status);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** Queues a copy of all of {@code source}. */
  static int write(long queue, long target, long offset, MemorySegment source) {
    return copy(WRITE, queue, target, offset, source);
  }

  /** Queues a copy that fills all of {@code target}. */
  static int read(long queue, long source, long offset, MemorySegment target) {
    return copy(READ, queue, source, offset, target);
  }

  private static int copy(
      MethodHandle function, long queue, long memory, long offset, MemorySegment host) {
    try {
      return (int)
          function.invokeExact(queue, memory, FALSE, offset, host.byteSize(), host, 0, NULL, NULL);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** Repeats {@code pattern}; offset and bytes are multiples of its size. */
  static int fill(long queue, long memory, MemorySegment pattern, long offset, long bytes) {
    try {
      return (int)
          FILL.invokeExact(
              queue, memory, pattern, pattern.byteSize(), offset, bytes, 0, NULL, NULL);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** In two dimensions; {@code items} counts those of all groups together. */
  static int launch(long queue, long kernel, MemorySegment items, MemorySegment groupItems) {
    try {
      return (int) LAUNCH.invokeExact(queue, kernel, 2, NULL, items, groupItems, 0, NULL, NULL);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** Maps a buffer as a whole and waits for that. */
  static MemorySegment map(long queue, long memory, long flags, long bytes, MemorySegment status) {
    try {
      return (MemorySegment)
          MAP.invokeExact(queue, memory, TRUE, flags, 0L, bytes, 0, NULL, NULL, status);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static int unmap(long queue, long memory, MemorySegment mapped) {
    try {
      return (int) UNMAP.invokeExact(queue, memory, mapped, 0, NULL, NULL);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static int marker(long queue, MemorySegment event) {
    try {
      return (int) MARKER.invokeExact(queue, 0, NULL, event);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** {@code event} points to the one to wait for. */
  static int waitForEvent(MemorySegment event) {
    try {
      return (int) WAIT.invokeExact(1, event);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  static int flush(long queue) {
    return with(FLUSH, queue);
  }

  static int finish(long queue) {
    return with(FINISH, queue);
  }

  static int releaseEvent(long event) {
    return with(RELEASE_EVENT, event);
  }

  static int releaseBuffer(long memory) {
    return with(RELEASE_BUFFER, memory);
  }

  static int releaseKernel(long kernel) {
    return with(RELEASE_KERNEL, kernel);
  }

  static int releaseProgram(long program) {
    return with(RELEASE_PROGRAM, program);
  }

  static int releaseQueue(long queue) {
    return with(RELEASE_QUEUE, queue);
  }

  static int releaseContext(long context) {
    return with(RELEASE_CONTEXT, context);
  }

  private static int with(MethodHandle function, long object) {
    try {
      return (int) function.invokeExact(object);
    } catch (Throwable e) {
      throw thrown(e);
    }
  }

  /** Downcalls throw only what the caller got wrong: a segment that was closed, say. */
  private static RuntimeException thrown(Throwable e) {
    if (e instanceof RuntimeException wrong) {
      return wrong;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e);
  }
}
