package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;

/**
 * Builds a graph of two products for TornadoVM's virtual CUDA device, which compiles but cannot
 * run, and prints what TornadoVM hands to cuBLAS.
 */
final class VirtualCublas {
  private VirtualCublas() {}

  public static void main(String[] args) {
    List<LibraryTaskDescriptor> prepared = new ArrayList<>();
    TestCublas.prepared = prepared::add;
    var device = Survey.devices().getFirst();
    Graph graph = new Graph(device, 1);
    Views views = new Views(graph, true);
    Map<Object, String> names = new IdentityHashMap<>();
    XPUBuffer numbers = buffer();
    List<XPUBuffer> operands = List.of(numbers, buffer(), buffer(), buffer());
    Memory any = new Memory(0, 4);
    for (int onto = 0; onto <= 1; onto++) {
      Call call = Call.of(KernelTable.SGEMM, Grid.of(1, 1), false, 33, 24, 40, onto, any, any, any);
      views.task(call, operands);
      KernelTable.get(call.kernel(), false, Precision.F32).add(graph, "product" + onto, views);
      views.task(call, operands);
      names.put(views.f32(), "weight");
      names.put(views.f32(), "in");
      names.put(views.f32(), "out");
      views.task(call, operands);
      KernelTable.get(KernelTable.FINISH, false, Precision.F32).add(graph, "finish" + onto, views);
      graph.grid("finish" + onto, Grid.of(6, 256));
    }
    graph.run();
    for (LibraryTaskDescriptor task : prepared) {
      StringBuilder line = new StringBuilder(task.getFunctionName());
      for (Object parameter : task.getParameters()) {
        line.append(' ').append(names.getOrDefault(parameter, String.valueOf(parameter)));
      }
      System.out.println(line.append(" out is ").append(task.getAccess()[11]));
    }
  }

  /** Stands for memory; the virtual device has none. */
  private static XPUBuffer buffer() {
    return (XPUBuffer)
        Proxy.newProxyInstance(
            VirtualCublas.class.getClassLoader(),
            new Class<?>[] {XPUBuffer.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "hashCode" -> System.identityHashCode(proxy);
                  case "equals" -> proxy == arguments[0];
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }
}
