package dev.offramp.kernels.tornado;

import java.util.List;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;

/** A graph of one task, for any number of calls of its kernel. */
final class Single {
  private final String kernel;
  private final Graph graph;
  private final Views views;

  /**
   * @param memory that of the numbers of a call, then its operands
   */
  Single(Graph graph, String kernel, boolean processor, List<XPUBuffer> memory) {
    this.graph = graph;
    this.kernel = kernel;
    views = new Views(graph, false);
    views.task(memory);
    KernelTable.get(kernel, processor).add(graph, kernel, views);
  }

  /** Queues a call. */
  void run(Call call, List<XPUBuffer> memory) {
    views.replace(memory);
    graph.grid(kernel, call.grid());
    graph.run();
  }
}
