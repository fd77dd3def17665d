package dev.offramp.kernels.opencl;

import dev.offramp.kernels.gpu.Driver.Memory;

/** Device memory that is open in a session. */
record Buffer(Session session, Memory memory) implements Session.Resource {
  @Override
  public void close() {
    if (session.disown(this)) {
      session.released(OpenCl.releaseBuffer(memory.handle()), "clReleaseMemObject");
    }
  }
}
