package dev.offramp.kernels.tornado;

import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A task graph for captures of the same kernels on the same memory, which differ in their grids and
 * numbers only: those are replaced when another capture runs.
 */
final class TaskList {
  private final TornadoDriver driver;
  private final Key key;
  private final Graph graph;
  private final Views views;
  private final List<String> names = new ArrayList<>();
  private Object owner;

  private int users;

  /** What captures with one task list have in common. */
  record Key(List<Task> tasks) {
    /**
     * @param sizes those that are part of the task itself
     */
    private record Task(String kernel, List<Memory> memory, List<Integer> sizes) {}

    static Key of(List<Call> calls) {
      return new Key(
          calls.stream()
              .map(call ->
                  new Task(call.kernel(), call.memory(), call.library() ? call.ints() : List.of()))
              .toList());
    }
  }

  /**
   * @param numbers of the calls
   */
  TaskList(TornadoDriver driver, Key key, List<Call> calls, List<Memory> numbers) {
    this.driver = driver;
    this.key = key;
    graph = driver.graph();
    views = new Views(graph, true);
    Map<String, Integer> used = new HashMap<>();
    for (int i = 0; i < calls.size(); i++) {
      Call call = calls.get(i);
      views.task(call, driver.buffers(numbers.get(i), call.memory()));
      // Tasks need names of their own, and TornadoVM keeps compiled kernels by name: the n-th of a
      // kind has the same one in all graphs.
      int n = used.merge(call.kernel(), 1, Integer::sum);
      String name = n == 1 ? call.kernel() : call.kernel() + "_" + n;
      driver.kernel(call.kernel()).add(graph, name, views);
      names.add(name);
    }
    // TornadoVM compiles the last task of a graph again in any case: one that does nothing.
    driver.kernel(KernelTable.NOTHING).add(graph, KernelTable.NOTHING, views);
    graph.grid(KernelTable.NOTHING, Grid.of(1, 1));
  }

  Key key() {
    return key;
  }

  /** Takes note of a capture that begins (1) or ends (-1) to use it; says how many do. */
  int used(int more) {
    users += more;
    return users;
  }

  /**
   * Queues the tasks.
   *
   * @param user whose calls they are
   */
  void run(Object user, List<Call> calls, List<Memory> numbers) {
    if (owner != user) {
      for (int i = 0; i < calls.size(); i++) {
        graph.grid(names.get(i), calls.get(i).grid());
        views.replace(i, driver.buffers(numbers.get(i), calls.get(i).memory()));
      }
      owner = user;
    }
    graph.run();
  }
}
