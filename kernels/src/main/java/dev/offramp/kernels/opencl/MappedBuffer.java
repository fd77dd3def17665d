package dev.offramp.kernels.opencl;

import dev.offramp.kernels.gpu.Driver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Host memory that the driver allocated, mapped for all its life. */
final class MappedBuffer implements Driver.Pinned, Session.Resource {
  private static final long READ_WRITE = 3;

  private final Session session;
  private final long memory;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment mapped;
  private final MemorySegment segment;

  /** Takes over {@code memory}, a cl_mem of so many bytes. */
  MappedBuffer(Session session, long memory, long bytes) {
    this.session = session;
    this.memory = memory;
    mapped = OpenCl.map(session.queue(), memory, READ_WRITE, bytes, session.status);
    try {
      session.checkStatus("clEnqueueMapBuffer");
    } catch (RuntimeException e) {
      OpenCl.releaseBuffer(memory);
      arena.close();
      throw e;
    }
    segment = mapped.reinterpret(bytes, arena, null);
    segment.fill((byte) 0);
    session.own(this);
  }

  @Override
  public MemorySegment segment() {
    return segment;
  }

  /** The queue is in order: copies that were queued before are done when the memory goes. */
  @Override
  public void close() {
    if (session.disown(this)) {
      arena.close();
      int unmapped = OpenCl.unmap(session.queue(), memory, mapped);
      session.released(OpenCl.releaseBuffer(memory), "clReleaseMemObject");
      session.released(unmapped, "clEnqueueUnmapMemObject");
    }
  }
}
