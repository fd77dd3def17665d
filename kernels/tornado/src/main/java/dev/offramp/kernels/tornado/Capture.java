package dev.offramp.kernels.tornado;

import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Calls as task graphs, whose kernels are compiled when they run for the first time. */
final class Capture implements Captured {
  /** TornadoVM has 8,192 bytes for the tasks of a graph, of which one takes up to 130. */
  private static final int TASKS = 60;

  /** It has room for 1,024 nodes, of which each parameter of a task may take 4. */
  private static final int PARAMETERS = 240;

  private final TornadoDriver driver;
  private final boolean library;
  private final List<Graph> graphs = new ArrayList<>();
  private final List<Memory> numbers = new ArrayList<>();

  Capture(TornadoDriver driver, List<Call> calls) {
    this.driver = driver;
    library = calls.stream().anyMatch(Call::library);
    try {
      int from = 0;
      int parameters = 0;
      for (int to = 0; to < calls.size(); to++) {
        int more = calls.get(to).parameters();
        if (to - from == TASKS || parameters + more > PARAMETERS) {
          graphs.add(graph(calls.subList(from, to)));
          from = to;
          parameters = 0;
        }
        parameters += more;
      }
      if (from < calls.size()) {
        graphs.add(graph(calls.subList(from, calls.size())));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Graph graph(List<Call> calls) {
    Graph graph = driver.graph();
    Views views = new Views(graph, true);
    Map<String, Integer> used = new HashMap<>();
    for (Call call : calls) {
      Memory own = driver.keep(call);
      numbers.add(own);
      views.task(call, driver.buffers(own, call.memory()));
      // Tasks need names of their own, and TornadoVM keeps compiled kernels by name: the n-th of a
      // kind has the same one in all graphs.
      int n = used.merge(call.kernel(), 1, Integer::sum);
      String task = n == 1 ? call.kernel() : call.kernel() + "_" + n;
      driver.kernel(call.kernel()).add(graph, task, views);
      graph.grid(task, call.grid());
    }
    // TornadoVM compiles the last task of a graph again in any case: one that does nothing.
    String last = KernelTable.NOTHING;
    driver.kernel(last).add(graph, last, views);
    graph.grid(last, Grid.of(1, 1));
    return graph;
  }

  @Override
  public void launch() {
    driver.run(graphs, library);
  }

  @Override
  public void close() {
    numbers.forEach(driver::free);
    numbers.clear();
    graphs.clear();
  }
}
