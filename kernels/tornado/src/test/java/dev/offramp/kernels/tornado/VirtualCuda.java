package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Grid;
import java.util.Collections;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;

/**
 * Compiles every kernel for graphics cards, in the precision that the argument names, for
 * TornadoVM's first device and runs none: the JVM must have been started for a virtual device,
 * which prints what it compiled.
 */
final class VirtualCuda {
  private VirtualCuda() {}

  public static void main(String[] arguments) {
    Precision precision = Precision.valueOf(arguments[0]);
    TornadoDevice device = Survey.devices().getFirst();
    int kernels = 0;
    for (String kernel : KernelTable.names(false, precision)) {
      Graph graph = new Graph(device, 1);
      Views views = new Views(graph, false);
      // No memory is ever looked at, so none is there.
      views.task(Call.of(kernel, Grid.of(1, 64), false), Collections.nCopies(24, (XPUBuffer) null));
      KernelTable.get(kernel, false, precision).add(graph, kernel, views);
      graph.grid(kernel, Grid.of(1, 64));
      graph.run();
      kernels++;
    }
    System.out.println(kernels + " kernels compiled");
  }
}
