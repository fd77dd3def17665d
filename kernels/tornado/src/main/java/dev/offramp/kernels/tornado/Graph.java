package dev.offramp.kernels.tornado;

import dev.offramp.kernels.gpu.Grid;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.WorkerGrid2D;
import uk.ac.manchester.tornado.api.common.Access;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;
import uk.ac.manchester.tornado.api.runtime.ExecutorFrame;
import uk.ac.manchester.tornado.runtime.common.XPUDeviceBufferState;
import uk.ac.manchester.tornado.runtime.graph.TornadoExecutionContext;
import uk.ac.manchester.tornado.runtime.tasks.LocalObjectState;
import uk.ac.manchester.tornado.runtime.tasks.TornadoTaskGraph;

/**
 * A task graph whose arrays are views of memory that lies on the device already: nothing of them is
 * allocated or copied when it runs. TornadoVM's own way of keeping data on a device ties it to an
 * execution plan, whose graphs must all be there when it is made; buffers here outlive graphs.
 */
final class Graph extends TaskGraph {
  /**
   * Part of the name under which TornadoVM keeps compiled kernels: graphs of a queue share them.
   */
  private static final String NAME = "offramp";

  private static final VarHandle CONTEXT = context();

  private final TornadoDevice device;
  private final GridScheduler grids = new GridScheduler();
  private final ExecutorFrame frame;

  /**
   * @param plan number of the device's queue
   */
  Graph(TornadoDevice device, long plan) {
    super(NAME);
    this.device = device;
    frame = new ExecutorFrame(plan).setGridScheduler(grids);
    taskGraphImpl.setDevice(device);
  }

  private static VarHandle context() {
    try {
      return MethodHandles.privateLookupIn(TornadoTaskGraph.class, MethodHandles.lookup())
          .findVarHandle(TornadoTaskGraph.class, "executionContext", TornadoExecutionContext.class);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(
          "this is not TornadoVM 5.2, or the JVM was started without --add-opens"
              + " tornado.runtime/uk.ac.manchester.tornado.runtime.tasks=ALL-UNNAMED",
          e);
    }
  }

  private LocalObjectState state(Object view) {
    var context = (TornadoExecutionContext) CONTEXT.get((TornadoTaskGraph) taskGraphImpl);
    return context.getLocalStateObject(view, Access.READ_WRITE);
  }

  /**
   * Makes an array a view of that memory.
   *
   * @return false where TornadoVM, which knows arrays by their hash codes, takes it for another
   *     array of this graph; then it can be no view
   */
  boolean bind(Object view, XPUBuffer memory) {
    if (state(view).getObject() != view) {
      return false;
    }
    transferToDevice(DataTransferMode.FIRST_EXECUTION, view);
    rebind(view, memory);
    return true;
  }

  /** Replaces the memory of a view. */
  void rebind(Object view, XPUBuffer memory) {
    XPUDeviceBufferState state = state(view).getDataObjectState().getDeviceBufferState(device);
    state.setXPUBuffer(memory);
    state.setLockBuffer(true); // keeps TornadoVM from freeing it
    state.setContents(true); // and from copying the one element there
  }

  /** Sets the grid of a task. */
  void grid(String task, Grid grid) {
    WorkerGrid2D worker =
        new WorkerGrid2D(grid.groupsX() * grid.itemsX(), grid.groupsY() * grid.itemsY());
    worker.setLocalWork(grid.itemsX(), grid.itemsY(), 1);
    grids.addWorkerGrid(NAME + "." + task, worker);
  }

  /** Compiles what is not yet compiled, and queues the tasks. */
  void run() {
    taskGraphImpl.withGridScheduler(grids);
    taskGraphImpl.execute(frame);
  }
}
