package dev.offramp.kernels.tornado;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * What a graph's kernels take as parameters: memory as arrays of the type that a kernel takes it
 * for. Arrays of one element stand for it, see {@link Graph#bind}. A kernel may take its operands
 * in their order only.
 */
final class Views {
  /** The numbers of a call among a task's places; operands follow. */
  private static final int NUMBERS = 0;

  private final Graph graph;
  private final boolean sharing;
  private final KernelContext context = new KernelContext();
  private final Map<Key, TornadoNativeArray> arrays = new HashMap<>();
  private int tasks;
  private Call call;
  private List<XPUBuffer> task = List.of();
  private int next;

  /** By what an array is found again: its memory, or its task and place there. */
  private record Key(XPUBuffer memory, int task, int place, Class<?> type) {}

  /**
   * @param sharing whether operands of the same memory and type are one array, all over the graph;
   *     without it they can be replaced. Numbers always can.
   */
  Views(Graph graph, boolean sharing) {
    this.graph = graph;
    this.sharing = sharing;
  }

  /**
   * Goes on to the parameters of the next task.
   *
   * @param memory that of the numbers of the call, then its operands
   */
  void task(Call call, List<XPUBuffer> memory) {
    this.call = call;
    task = memory;
    next = NUMBERS + 1;
    tasks++;
  }

  /** Replaces the memory of a task: of its numbers, and of operands that are not shared. */
  void replace(int number, List<XPUBuffer> memory) {
    arrays.forEach((key, array) -> {
      if (key.task() == number) {
        graph.rebind(array, memory.get(key.place()));
      }
    });
  }

  KernelContext context() {
    return context;
  }

  /** One of the call's numbers, for a task that is made for it alone. */
  int number(int place) {
    return call.ints().get(place);
  }

  /** The numbers of the call. */
  IntArray ints() {
    return (IntArray) view(NUMBERS, IntArray.class, () -> new IntArray(1));
  }

  /** The same memory; floats start at {@link Call#FLOATS}. */
  FloatArray floats() {
    return (FloatArray) view(NUMBERS, FloatArray.class, () -> new FloatArray(1));
  }

  /** The next operand. */
  IntArray i32() {
    return (IntArray) view(next++, IntArray.class, () -> new IntArray(1));
  }

  /** The next operand. */
  FloatArray f32() {
    return (FloatArray) view(next++, FloatArray.class, () -> new FloatArray(1));
  }

  /** The next operand. */
  HalfFloatArray f16() {
    return (HalfFloatArray) view(next++, HalfFloatArray.class, () -> new HalfFloatArray(1));
  }

  /** The next operand. */
  ByteArray bytes() {
    return (ByteArray) view(next++, ByteArray.class, () -> new ByteArray(1));
  }

  private TornadoNativeArray view(int place, Class<?> type, Supplier<TornadoNativeArray> array) {
    XPUBuffer memory = task.get(place);
    boolean shared = sharing && place != NUMBERS;
    Key key = shared ? new Key(memory, -1, -1, type) : new Key(null, tasks - 1, place, type);
    return arrays.computeIfAbsent(
        key,
        k -> {
          TornadoNativeArray view = array.get();
          while (!graph.bind(view, memory)) {
            view = array.get();
          }
          return view;
        });
  }
}
