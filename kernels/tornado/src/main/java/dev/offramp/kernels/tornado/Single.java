package dev.offramp.kernels.tornado;

import java.util.List;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;

/** A graph of one task, for any number of calls of its kernel; of one size if it is a library's. */
final class Single {
  private final String name;
  private final Graph graph;
  private final Views views;

  /**
   * @param call the first one
   * @param memory that of its numbers, then its operands
   */
  Single(Graph graph, KernelTable.Kernel kernel, Call call, List<XPUBuffer> memory) {
    this.graph = graph;
    name = call.kernel();
    views = new Views(graph, false);
    views.task(call, memory);
    kernel.add(graph, name, views);
  }

  /** Queues a call. */
  void run(Call call, List<XPUBuffer> memory) {
    views.replace(0, memory);
    graph.grid(name, call.grid());
    graph.run();
  }
}
