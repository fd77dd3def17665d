package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.Grid;
import dev.offramp.kernels.gpu.KernelSources;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** An OpenCL device: context, in-order queue, memory and the program built for it. */
final class OpenClDriver implements Driver {
  private static final long READ_WRITE = 1;
  private static final long ALLOC_HOST_PTR = 1 << 4;

  private final DeviceInfo info;
  private final Traits traits;
  private final Session session;
  private final Program program;
  private final Map<String, Kernel> kernels = new HashMap<>();
  private LaunchList capture;
  private long allocated;

  /** With the kernels of {@link KernelSources}. */
  OpenClDriver(Candidate device, Precision precision) {
    this(device, precision, KernelSources.text(device.traits(), precision));
  }

  /** With a program of the caller's. */
  OpenClDriver(Candidate device, Precision precision, String text) {
    if (precision == Precision.TF32) {
      throw new DeviceException(
          device.id() + ": OpenCL computes in F32 and F16 only; TF32 is for CUDA devices");
    }
    info = device.info(precision);
    traits = device.traits();
    session = new Session(device);
    try {
      program = new Program(session, text);
    } catch (RuntimeException e) {
      session.close();
      throw e;
    }
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public Traits traits() {
    return traits;
  }

  @Override
  public Memory allocate(long bytes) {
    admit(bytes);
    // Drivers of processors hand out memory without end, until the system kills the process.
    if (bytes > info.memoryBytes() - allocated) {
      throw new DeviceException(info.id() + ": " + tooMuch(bytes));
    }
    Memory memory = new Memory(create(READ_WRITE, bytes), bytes);
    session.own(new Buffer(session, memory));
    allocated += bytes;
    return memory;
  }

  @Override
  public void free(Memory memory) {
    Buffer buffer = new Buffer(session, memory);
    if (session.owns(buffer)) {
      allocated -= memory.bytes();
      kernels.values().forEach(kernel -> kernel.forget(memory));
      buffer.close();
    }
  }

  @Override
  public Pinned pinned(long bytes) {
    admit(bytes);
    return new MappedBuffer(session, create(READ_WRITE | ALLOC_HOST_PTR, bytes), bytes);
  }

  private void admit(long bytes) {
    session.readyToQueue();
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes is " + bytes);
    }
    long most = session.device().maxBufferBytes();
    if (bytes > most) {
      throw new DeviceException(
          "%s: a buffer of %,d bytes was asked for, but the device allocates at most %,d at once"
                  .formatted(info.id(), bytes, most)
              + " (CL_DEVICE_MAX_MEM_ALLOC_SIZE); use a smaller batch or another device");
    }
  }

  private long create(long flags, long bytes) {
    long memory = OpenCl.createBuffer(session.context(), flags, bytes, session.status);
    checkMemory(session.status.get(JAVA_INT, 0), "clCreateBuffer", bytes);
    return memory;
  }

  /** Many drivers take memory only when it is used first, so filling may be what fails. */
  private void checkMemory(int code, String call, long bytes) {
    if (Codes.isOutOfMemory(code)) {
      throw new DeviceException(
          "%s: %s failed: %s (%d): %s"
              .formatted(info.id(), call, Codes.name(code), code, tooMuch(bytes)));
    }
    session.check(code, call);
  }

  private String tooMuch(long bytes) {
    return "%,d bytes were asked for, and %,d of the device's %,d are in use already"
            .formatted(bytes, allocated, info.memoryBytes())
        + "; use a smaller batch or another device";
  }

  @Override
  public void zero(Memory memory, long offset, long bytes) {
    session.readyToQueue();
    Objects.checkFromIndexSize(offset, bytes, memory.bytes());
    if (bytes > 0) {
      long aligned = offset | bytes;
      int width = aligned % 16 == 0 ? 16 : aligned % 4 == 0 ? 4 : 1;
      MemorySegment zeros = session.zeros.asSlice(0, width);
      int code = OpenCl.fill(session.queue(), memory.handle(), zeros, offset, bytes);
      checkMemory(code, "clEnqueueFillBuffer", memory.bytes());
    }
  }

  @Override
  public void write(MemorySegment source, Memory target, long offset) {
    session.readyToQueue();
    Objects.checkFromIndexSize(offset, source.byteSize(), target.bytes());
    if (source.byteSize() > 0) {
      session.check(
          OpenCl.write(session.queue(), target.handle(), offset, source), "clEnqueueWriteBuffer");
    }
  }

  @Override
  public void read(Memory source, long offset, MemorySegment target) {
    session.readyToQueue();
    Objects.checkFromIndexSize(offset, target.byteSize(), source.bytes());
    if (target.byteSize() > 0) {
      session.check(
          OpenCl.read(session.queue(), source.handle(), offset, target), "clEnqueueReadBuffer");
    }
  }

  @Override
  public Mark mark() {
    session.readyToQueue();
    return new QueueMark(session);
  }

  @Override
  public void launch(String name, Grid grid, Object... arguments) {
    session.ready();
    if (capture != null) {
      capture.add(program.kernel(name), grid, arguments);
      return;
    }
    Kernel kernel = kernels.get(name);
    if (kernel == null) {
      kernel = program.kernel(name);
      kernels.put(name, kernel);
    }
    kernel.arguments(arguments);
    Kernel.put(grid, session.items, session.groupItems);
    kernel.launch(session.items, session.groupItems);
  }

  @Override
  public void beginCapture() {
    session.readyToQueue();
    capture = new LaunchList(session);
    session.capturing(true);
  }

  @Override
  public Captured endCapture() {
    session.ready();
    LaunchList captured = capture;
    if (captured == null) {
      throw new IllegalStateException(info.id() + ": no capture has been begun");
    }
    capture = null;
    session.capturing(false);
    return captured;
  }

  @Override
  public void abandonCapture() {
    LaunchList dropped = capture;
    capture = null;
    session.capturing(false);
    if (dropped != null) {
      try {
        dropped.close();
      } catch (DeviceException e) {
        // What could not be released is no use to anybody, and the cause is thrown already.
      }
    }
  }

  @Override
  public void close() {
    session.close();
  }
}
