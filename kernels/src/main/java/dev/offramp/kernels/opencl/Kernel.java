package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/** A function of the program and the arguments it was last given. */
final class Kernel implements Session.Resource {
  private static final int NUM_ARGS = 0x1191;

  /** Stands for an argument that OpenCL does not have yet. */
  private static final Object UNSET = new Object();

  private final Session session;
  private final String name;
  private final long handle;
  private final Object[] last;

  Kernel(Session session, String name, long handle) {
    this.session = session;
    this.name = name;
    this.handle = handle;
    session.own(this);
    session.value.set(JAVA_LONG, 0, 0);
    session.check(OpenCl.getKernelInfo(handle, NUM_ARGS, session.value), "clGetKernelInfo");
    last = new Object[session.value.get(JAVA_INT, 0)];
    Arrays.fill(last, UNSET);
  }

  /** Passes on those that differ from the last ones; a launch keeps what it was queued with. */
  void arguments(Object... arguments) {
    if (arguments.length != last.length) {
      throw new IllegalArgumentException(
          "kernel %s takes %d arguments, not %d".formatted(name, last.length, arguments.length));
    }
    for (int i = 0; i < last.length; i++) {
      if (!Objects.equals(arguments[i], last[i])) {
        int code = OpenCl.setArgument(handle, i, encode(i, arguments[i]), session.value);
        if (code != Codes.SUCCESS) {
          throw session.failure(code, "clSetKernelArg %d of %s".formatted(i, name));
        }
        last[i] = arguments[i];
      }
    }
  }

  /** Puts the argument where OpenCL reads it and returns its size. */
  private long encode(int index, Object argument) {
    MemorySegment value = session.value;
    switch (argument) {
      case Integer number -> value.set(JAVA_INT, 0, number);
      case Float number -> value.set(JAVA_FLOAT, 0, number);
      case Memory memory -> value.set(JAVA_LONG, 0, memory.handle());
      case null -> value.set(JAVA_LONG, 0, 0);
      default ->
          throw new IllegalArgumentException(
              "argument %d of kernel %s is a %s"
                  .formatted(index, name, argument.getClass().getName()));
    }
    return argument instanceof Number ? 4 : 8;
  }

  /** Forgets freed memory: what is allocated next may get the same handle. */
  void forget(Memory memory) {
    for (int i = 0; i < last.length; i++) {
      if (memory.equals(last[i])) {
        last[i] = UNSET;
      }
    }
  }

  /** Queues the kernel with its arguments; both segments as in {@link Session#items}. */
  void launch(MemorySegment items, MemorySegment groupItems) {
    int code = OpenCl.launch(session.queue(), handle, items, groupItems);
    if (code != Codes.SUCCESS) {
      throw session.failure(
          code,
          "clEnqueueNDRangeKernel of %s with groups of %d x %d"
              .formatted(
                  name, groupItems.getAtIndex(JAVA_LONG, 0), groupItems.getAtIndex(JAVA_LONG, 1)));
    }
  }

  static void put(Grid grid, MemorySegment items, MemorySegment groupItems) {
    items.setAtIndex(JAVA_LONG, 0, (long) grid.groupsX() * grid.itemsX());
    items.setAtIndex(JAVA_LONG, 1, (long) grid.groupsY() * grid.itemsY());
    groupItems.setAtIndex(JAVA_LONG, 0, grid.itemsX());
    groupItems.setAtIndex(JAVA_LONG, 1, grid.itemsY());
  }

  @Override
  public void close() {
    if (session.disown(this)) {
      session.released(OpenCl.releaseKernel(handle), "clReleaseKernel");
    }
  }
}
