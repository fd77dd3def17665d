package dev.offramp.kernels.tornado;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.Grid;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.MemorySegment;
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

  /** Calls whose numbers have memory at a time. */
  private static final int SLOTS = 256;

  private final DeviceInfo info;
  private final Traits traits;
  private final TornadoDevice device;
  private final long plan = PLANS.incrementAndGet();
  private final Memories memories;
  private final Copies copies;
  private final Map<String, Single> singles = new HashMap<>();
  private final Map<TaskList.Key, TaskList> taskLists = new HashMap<>();
  private final List<ByteArray> pinned = new ArrayList<>();
  private final List<Memory> slots = new ArrayList<>();
  private final ByteArray slotNumbers = new ByteArray((int) (SLOTS * Call.BYTES));
  private final Memory nothing;
  private Cublas cublas; // null where it was not found or not asked for
  private int nextSlot;
  private List<Call> capture;
  private long allocated;

  /** Marks are numbers; all up to this one are reached. */
  private long reached;

  private long marks;
  private boolean closed;

  TornadoDriver(DeviceInfo info, Traits traits, TornadoDevice device) {
    this.info = info;
    this.traits = traits;
    this.device = device;
    memories = new Memories(device);
    copies = new Copies(device, plan);
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
    ByteArray array = new ByteArray(Math.toIntExact(bytes));
    array.getSegment().fill((byte) 0);
    pinned.add(array);
    return new Pinned() {
      @Override
      public MemorySegment segment() {
        return array.getSegment();
      }

      @Override
      public void close() {
        pinned.remove(array);
      }
    };
  }

  private ByteArray array(MemorySegment part) {
    for (ByteArray array : pinned) {
      long at = part.address() - array.getSegment().address();
      if (at >= 0 && at + part.byteSize() <= array.getSegment().byteSize()) {
        return array;
      }
    }
    throw new IllegalArgumentException("the host memory is not pinned");
  }

  @Override
  public void write(MemorySegment source, Memory target, long offset) {
    requireQueueing();
    Objects.checkFromIndexSize(offset, source.byteSize(), target.bytes());
    if (source.byteSize() > 0) {
      try {
        copies.write(array(source), source, buffer(target), offset);
      } catch (RuntimeException e) {
        throw failure("copying to the device", e);
      }
    }
  }

  /** Waits for what is queued: TornadoVM has no copy to a part of an array that does not. */
  @Override
  public void read(Memory source, long offset, MemorySegment target) {
    requireQueueing();
    Objects.checkFromIndexSize(offset, target.byteSize(), source.bytes());
    if (target.byteSize() > 0) {
      try {
        copies.read(buffer(source), offset, array(target), target);
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
      public boolean reached() {
        return number <= reached;
      }

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
      List<XPUBuffer> memory = buffers(slot(call), call.memory());
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
    MemorySegment word = slotNumbers.getSegment().asSlice(0, nothing.bytes());
    copies.write(slotNumbers, word, buffer(nothing), 0);
  }

  /** Memory with the numbers of a call, until so many more calls were made. */
  private Memory slot(Call call) {
    if (nextSlot == SLOTS) {
      sync();
      nextSlot = 0;
    }
    if (nextSlot == slots.size()) {
      slots.add(memories.allocate(Call.BYTES));
    }
    Memory slot = slots.get(nextSlot);
    MemorySegment part = slotNumbers.getSegment().asSlice(nextSlot * Call.BYTES, Call.BYTES);
    call.putNumbers(part);
    copies.write(slotNumbers, part, buffer(slot), 0);
    nextSlot++;
    return slot;
  }

  /** Memory with the numbers of a call, to be freed. */
  Memory keep(Call call) {
    ByteArray array = new ByteArray((int) Call.BYTES);
    call.putNumbers(array.getSegment());
    Memory memory = memories.allocate(Call.BYTES);
    copies.write(array, array.getSegment(), buffer(memory), 0);
    sync(); // before the array goes
    return memory;
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
    if (cause instanceof DeviceException known) {
      return known;
    }
    String reason = cause.getMessage() == null ? cause.toString() : cause.getMessage();
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
        memories.freeAll();
        copies.close();
        device.getDeviceContext().reset(plan);
      }
    }
  }
}
