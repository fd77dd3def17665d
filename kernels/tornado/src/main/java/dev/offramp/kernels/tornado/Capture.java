package dev.offramp.kernels.tornado;

import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.util.ArrayList;
import java.util.List;

/** Calls as task graphs, whose kernels are compiled when they run for the first time. */
final class Capture implements Captured {
  /** TornadoVM has 8,192 bytes for the tasks of a graph, of which one takes up to 130. */
  private static final int TASKS = 60;

  /** It has room for 1,024 nodes, of which each parameter of a task may take 4. */
  private static final int PARAMETERS = 240;

  private final TornadoDriver driver;
  private final List<Part> parts = new ArrayList<>();

  /** As many of the calls as a graph has room for. */
  private record Part(TaskList tasks, List<Call> calls, List<Memory> numbers) {}

  Capture(TornadoDriver driver, List<Call> calls) {
    this.driver = driver;
    try {
      int from = 0;
      int parameters = 0;
      for (int to = 0; to < calls.size(); to++) {
        int more = calls.get(to).parameters();
        if (to - from == TASKS || parameters + more > PARAMETERS) {
          add(calls.subList(from, to));
          from = to;
          parameters = 0;
        }
        parameters += more;
      }
      if (from < calls.size()) {
        add(calls.subList(from, calls.size()));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void add(List<Call> calls) {
    List<Memory> numbers = driver.keep(calls);
    try {
      parts.add(new Part(driver.take(calls, numbers), List.copyOf(calls), numbers));
    } catch (RuntimeException e) {
      driver.drop(numbers);
      throw e;
    }
  }

  @Override
  public void launch() {
    driver.run(() -> parts.forEach(part -> part.tasks.run(part, part.calls, part.numbers)));
  }

  @Override
  public void close() {
    for (Part part : parts) {
      driver.drop(part.numbers);
      driver.give(part.tasks);
    }
    parts.clear();
  }
}
