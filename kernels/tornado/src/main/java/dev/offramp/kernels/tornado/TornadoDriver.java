package dev.offramp.kernels.tornado;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.Grid;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.runtime.common.TornadoXPUDevice;

/** A device of TornadoVM: an in-order queue, memory, and kernels written in Java. */
final class TornadoDriver implements Driver {
  /** TornadoVM knows queues and their compiled kernels by numbers; its own start at 1. */
  private static final AtomicLong PLANS = new AtomicLong(1L << 32);

  private static final int ITEMS = 64;

  private final DeviceInfo info;
  private final Traits traits;
  private final TornadoDevice device;
  private final long plan = PLANS.incrementAndGet();
  private final Memories memories;
  private final Copies copies;
  private final Map<String, Single> singles = new HashMap<>();
  private final Map<TaskList.Key, TaskList> taskLists = new HashMap<>();
  private final HostMemory host;
  private final Slots slots;
  private final Memory nothing;
  private Cublas cublas; // null where it was not found or not asked for
  private List<Call> capture;
  private long allocated;

  /** Marks are numbers; all up to this one are reached. */
  private volatile long reached;

  private long marks;
  private boolean closed;

  TornadoDriver(DeviceInfo info, Traits traits, TornadoDevice device) {
    this.info = info;
    this.traits = traits;
    this.device = device;
    memories = new Memories(device);
    copies = new Copies(device, plan);
    host = new HostMemory(copies);
    slots = new Slots(memories, copies, this::sync);
    nothing = memories.allocate(4);
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public Traits traits() {
    return traits;
  }

  @Override
  public Memory allocate(long bytes) {
    requireQueueing();
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes is " + bytes);
    }
    long most = mostBytes();
    if (bytes > most) {
      throw new DeviceException(
          "%s: a buffer of %,d bytes was asked for, but at most %,d can be had at once"
                  .formatted(info.id(), bytes, most)
              + "; use a smaller batch or another device");
    }
    if (bytes > info.memoryBytes() - allocated) {
      throw new DeviceException(
          "%s: %,d bytes were asked for, and %,d of the device's %,d are in use already"
                  .formatted(info.id(), bytes, allocated, info.memoryBytes())
              + "; use a smaller batch or another device");
    }
    try {
      Memory memory = memories.allocate(bytes);
      allocated += bytes;
      return memory;
    } catch (RuntimeException e) {
      throw failure("allocating %,d bytes".formatted(bytes), e);
    }
  }

  /** Of a buffer: what the device allows, and as many elements as Java's indices reach. */
  private long mostBytes() {
    long elements = Integer.MAX_VALUE - 64;
    long most = elements * info.precision().activations().bytes();
    long allowed = device.getMaxAllocMemory();
    return allowed > 0 ? Math.min(most, allowed) : most;
  }

  @Override
  public void free(Memory memory) {
    if (memories.buffer(memory) != null) {
      sync();
      allocated -= memory.bytes();
      memories.free(memory);
    }
  }

  /** Zeroes whole words where it can: a byte of its own is seldom asked for. */
  @Override
  public void zero(Memory memory, long offset, long bytes) {
    Objects.checkFromIndexSize(offset, bytes, memory.bytes());
    boolean words = offset % 4 == 0 && bytes % 4 == 0;
    int count = Math.toIntExact(words ? bytes / 4 : bytes);
    if (count > 0) {
      launch(
          words ? "zero_words" : "zero_bytes",
          Grid.of((int) ((count + ITEMS - 1L) / ITEMS), ITEMS),
          memory,
          Math.toIntExact(words ? offset / 4 : offset),
          count);
    }
  }

  @Override
  public Pinned pinned(long bytes) {
    requireQueueing();
    return host.pinned(
        bytes,
        () -> {
          if (!closed) {
            sync(); // Copies do not hold it.
          }
        });
  }

  @Override
  public void write(MemorySegment source, Memory target, long offset) {
    requireQueueing();
    Objects.checkFromIndexSize(offset, source.byteSize(), target.bytes());
    if (source.byteSize() > 0) {
      try {
        host.write(source, buffer(target), offset);
      } catch (RuntimeException e) {
        throw failure("copying to the device", e);
      }
    }
  }

  /**
   * Waits for what is queued: TornadoVM has no copy to a part of an array that does not. Nor does
   * it tell of a copy that failed, as all do once the device is lost; so the target is marked
   * first.
   */
  @Override
  public void read(Memory source, long offset, MemorySegment target) {
    requireQueueing();
    Objects.checkFromIndexSize(offset, target.byteSize(), source.bytes());
    if (target.byteSize() > 0) {
      try {
        if (!host.read(buffer(source), offset, target)) {
          throw new DeviceException(
              info.id()
                  + ": device lost: a copy from it did nothing, and TornadoVM's output has the"
                  + " driver's reason; start the program again");
        }
      } catch (RuntimeException e) {
        throw failure("copying from the device", e);
      }
      reached = marks;
    }
  }

  /** A mark is reached once anything queued later is known to be done. */
  @Override
  public Mark mark() {
    requireQueueing();
    long number = ++marks;
    return new Mark() {
      @Override
      public void await() {
        if (number > reached) {
          sync();
        }
      }

      @Override
      public void close() {}
    };
  }

  private void sync() {
    try {
      device.sync(plan);
    } catch (RuntimeException e) {
      throw failure("waiting for the device", e);
    }
    reached = marks;
  }

  @Override
  public void launch(String kernel, Grid grid, Object... arguments) {
    requireOpen();
    Call call = Call.of(kernel, grid, traits.processor(), arguments);
    if (capture != null) {
      capture.add(call);
      return;
    }
    try {
      List<XPUBuffer> memory = buffers(slots.take(call), call.memory());
      if (call.library()) {
        cublas.single(call, memory).run(call, memory);
      } else {
        singles
            .computeIfAbsent(kernel, k -> new Single(graph(), kernel(k), call, memory))
            .run(call, memory);
      }
    } catch (RuntimeException e) {
      throw failure("kernel " + kernel, e);
    }
  }

  @Override
  public DenseProduct denseProduct() {
    requireQueueing();
    boolean fits = info.precision() == Precision.F32 && !traits.processor();
    if (cublas == null && fits && device instanceof TornadoXPUDevice xpu) {
      try {
        cublas = Cublas.find(this, xpu, plan);
      } catch (RuntimeException e) {
        throw failure("looking for cuBLAS", e);
      }
    }
    return cublas;
  }

  /** By a small copy: with it, TornadoVM makes its CUDA context the calling thread's. */
  void makeCurrent() {
    ByteArray array = new ByteArray((int) nothing.bytes());
    copies.write(array, array.getSegment(), buffer(nothing), 0);
    sync();
    Reference.reachabilityFence(array); // The copy does not hold it.
  }

  /** Memory with the numbers of each call, to be dropped. */
  List<Memory> keep(List<Call> calls) {
    return slots.keep(calls);
  }

  /** Frees what {@link #keep} gave. */
  void drop(List<Memory> numbers) {
    sync();
    numbers.forEach(memories::free);
  }

  /** That of the numbers and of the operands; missing ones are of no use to a kernel. */
  List<XPUBuffer> buffers(Memory numbers, List<Memory> operands) {
    List<XPUBuffer> buffers = new ArrayList<>();
    buffers.add(buffer(numbers));
    for (Memory operand : operands) {
      buffers.add(buffer(operand == null ? nothing : operand));
    }
    return buffers;
  }

  private XPUBuffer buffer(Memory memory) {
    XPUBuffer buffer = memories.buffer(memory);
    if (buffer == null) {
      throw new IllegalArgumentException("the memory was freed");
    }
    return buffer;
  }

  /** The kernel that the device has by that name. */
  KernelTable.Kernel kernel(String name) {
    return KernelTable.get(name, traits.processor(), info.precision());
  }

  Graph graph() {
    return new Graph(device, plan);
  }

  /** The task list of such calls, to be given back. */
  TaskList take(List<Call> calls, List<Memory> numbers) {
    TaskList list =
        taskLists.computeIfAbsent(
            TaskList.Key.of(calls), key -> new TaskList(this, key, calls, numbers));
    list.used(1);
    return list;
  }

  void give(TaskList list) {
    if (list.used(-1) == 0) {
      taskLists.remove(list.key());
    }
  }

  /** Runs what a capture holds. */
  void run(Runnable tasks) {
    requireQueueing();
    try {
      tasks.run();
    } catch (RuntimeException e) {
      throw failure("running a task graph", e);
    }
  }

  @Override
  public void beginCapture() {
    requireQueueing();
    capture = new ArrayList<>();
  }

  @Override
  public Captured endCapture() {
    List<Call> calls = capture;
    if (calls == null) {
      throw new IllegalStateException(info.id() + ": no capture has been begun");
    }
    capture = null;
    try {
      return new Capture(this, calls);
    } catch (RuntimeException e) {
      throw failure("making a task graph", e);
    }
  }

  @Override
  public void abandonCapture() {
    capture = null;
  }

  private void requireQueueing() {
    requireOpen();
    if (capture != null) {
      throw new IllegalStateException(info.id() + ": cannot be captured");
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(info.id() + ": the device is closed");
    }
  }

  private DeviceException failure(String what, RuntimeException cause) {
    if (cause instanceof DeviceException known && known.getMessage().startsWith(info.id())) {
      return known;
    }
    String reason = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    reason = reason.replaceAll(TornadoDevices.DECORATION, "");
    return new DeviceException(
        "%s: TornadoVM failed: %s: %s; OFFRAMP_JAVA_OPTS=-Dtornado.debug=True tells more"
            .formatted(info.id(), what, reason.strip()),
        cause);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      capture = null;
      try {
        device.sync(plan);
        if (cublas != null) {
          cublas.close();
        }
      } finally {
        try {
          memories.freeAll();
          copies.close();
        } finally {
          device.getDeviceContext().reset(plan);
        }
      }
    }
  }
}
