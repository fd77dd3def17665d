package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Launches with a kernel object each, so that their arguments stay and a replay only queues. */
final class LaunchList implements Driver.Captured, Session.Resource {
  private record Step(Kernel kernel, MemorySegment items, MemorySegment groupItems) {}

  private final Session session;
  private final Arena arena = Arena.ofShared();
  private final List<Step> steps = new ArrayList<>();

  LaunchList(Session session) {
    this.session = session;
    session.own(this);
  }

  /** Takes over the kernel, unless it does not take the arguments: then it is closed. */
  void add(Kernel kernel, Grid grid, Object... arguments) {
    try {
      kernel.arguments(arguments);
    } catch (RuntimeException e) {
      kernel.close();
      throw e;
    }
    Step step = new Step(kernel, arena.allocate(JAVA_LONG, 2), arena.allocate(JAVA_LONG, 2));
    Kernel.put(grid, step.items(), step.groupItems());
    steps.add(step);
  }

  @Override
  public void launch() {
    session.readyToQueue();
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException("The captured launches are closed");
    }
    for (int i = 0; i < steps.size(); i++) {
      Step step = steps.get(i);
      step.kernel().launch(step.items(), step.groupItems());
    }
  }

  @Override
  public void close() {
    if (session.disown(this)) {
      arena.close();
      steps.forEach(step -> step.kernel().close());
    }
  }
}
