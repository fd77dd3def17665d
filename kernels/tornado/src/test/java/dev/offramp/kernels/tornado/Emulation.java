package dev.offramp.kernels.tornado;

import dev.offramp.kernels.gpu.Grid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import uk.ac.manchester.tornado.api.KernelContext;

/**
 * Runs kernels as the Java methods that they are, with a thread for each item of a group: what they
 * compute can be tested without a device that has what they need.
 */
final class Emulation {
  private Emulation() {}

  static void run(Grid grid, Consumer<KernelContext> kernel) {
    for (int y = 0; y < grid.groupsY(); y++) {
      for (int x = 0; x < grid.groupsX(); x++) {
        runGroup(grid, x, y, kernel);
      }
    }
  }

  private static void runGroup(Grid grid, int groupX, int groupY, Consumer<KernelContext> kernel) {
    var barrier = new CyclicBarrier(grid.itemsX() * grid.itemsY());
    List<Object> local = new ArrayList<>();
    List<Future<?>> items = new ArrayList<>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int y = 0; y < grid.itemsY(); y++) {
        for (int x = 0; x < grid.itemsX(); x++) {
          Item item = new Item(barrier, local);
          item.set("groupIdx", groupX);
          item.set("groupIdy", groupY);
          item.set("localIdx", x);
          item.set("localIdy", y);
          item.set("localGroupSizeX", grid.itemsX());
          item.set("localGroupSizeY", grid.itemsY());
          items.add(
              threads.submit(() -> {
                try {
                  kernel.accept(item);
                } catch (RuntimeException e) {
                  barrier.reset(); // and nobody waits for this one
                  throw e;
                }
              }));
        }
      }
      for (Future<?> item : items) {
        item.get();
      }
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(e);
    }
  }

  private static final class Item extends KernelContext {
    private final CyclicBarrier barrier;
    private final List<Object> local;
    private int allocated;

    Item(CyclicBarrier barrier, List<Object> local) {
      this.barrier = barrier;
      this.local = local;
    }

    /** The fields are final, and 0 to Java; compilers of kernels put something else there. */
    void set(String field, int value) {
      try {
        var place = KernelContext.class.getField(field);
        place.setAccessible(true);
        place.set(this, value);
      } catch (ReflectiveOperationException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void localBarrier() {
      try {
        barrier.await();
      } catch (InterruptedException | BrokenBarrierException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void globalBarrier() {
      localBarrier();
    }

    @Override
    public float[] allocateFloatLocalArray(int size) {
      return (float[]) shared(size, float[]::new);
    }

    @Override
    public int[] allocateIntLocalArray(int size) {
      return (int[]) shared(size, int[]::new);
    }

    /** All items allocate the same arrays in the same order. */
    private Object shared(int size, IntFunction<Object> array) {
      synchronized (local) {
        if (allocated == local.size()) {
          local.add(array.apply(size));
        }
        return local.get(allocated++);
      }
    }
  }
}
