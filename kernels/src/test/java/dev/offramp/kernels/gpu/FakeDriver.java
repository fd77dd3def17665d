package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Traits.Dialect;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A driver that computes nothing, but has real memory and a queue that runs when a test says so. It
 * fails where it is told to, and calls that no driver has to stand are an AssertionError.
 */
final class FakeDriver implements Driver {
  static final Traits ACCELERATOR = new Traits(Dialect.OPENCL, false, 256, 48 << 10, 0);
  static final Traits PROCESSOR = new Traits(Dialect.OPENCL, true, 4096, 32 << 10, 0);

  /** What was launched; memory is named by its handle. */
  record Launch(String kernel, Grid grid, List<Object> arguments) {}

  private final Traits traits;
  private final DeviceInfo info;
  private final Map<Long, Arena> arenas = new HashMap<>(); // of each memory until it may go
  private final Deque<Runnable> queue = new ArrayDeque<>();
  private long queued;
  private long done;
  private long lastHandle = 1000;
  private List<Launch> capturing;
  private boolean lost;

  private String failing; // name of a method
  private int failsAfter;
  private boolean loses;

  /** What is open, memories by their handle. */
  final Map<Long, MemorySegment> memories = new HashMap<>();

  final Set<Pinned> pinned = new HashSet<>();
  final Set<Mark> marks = new HashSet<>();
  final Set<Captured> captures = new HashSet<>();

  /** Whether the queue waits for {@link #runAll} or for a mark that is awaited. */
  boolean held;

  /** Launches that were queued, those of captures among them. */
  final List<Launch> launches = new ArrayList<>();

  /** Called when a launch runs. */
  Consumer<Launch> kernels = launch -> {};

  DenseProduct denseProduct;
  int captured; // captures ever begun
  int closed; // calls of close
  int marksAtClose;
  int pinnedAtClose;

  FakeDriver(Traits traits, Precision precision) {
    this.traits = traits;
    info = new DeviceInfo("fake:0", "A fake of " + traits, 1L << 30, 4, precision, "");
  }

  FakeDriver() {
    this(ACCELERATOR, Precision.F32);
  }

  /** Has the n-th call of a method from now on fail, n = 1 being the next. */
  void failAt(String method, int n) {
    failing = method;
    failsAfter = n;
    loses = false;
  }

  /** The same, and the device is lost then. */
  void loseAt(String method, int n) {
    failAt(method, n);
    loses = true;
  }

  void lose() {
    lost = true;
  }

  /** Takes back what no call has come up for; whether one has. */
  boolean failed() {
    boolean failed = failing == null;
    failing = null;
    return failed;
  }

  boolean capturing() {
    return capturing != null;
  }

  /** Copies and launches that have not run. */
  int waiting() {
    return queue.size();
  }

  /** What memory holds after all that has run. */
  MemorySegment content(Memory memory) {
    return at(memory);
  }

  void runAll() {
    runUntil(queued);
  }

  private void runUntil(long position) {
    while (done < position) {
      done++;
      queue.remove().run();
    }
  }

  private void enqueue(Runnable command) {
    queued++;
    queue.add(command);
    if (!held) {
      runAll();
    }
  }

  private void enter(String method) {
    must(closed == 0, method + " after close");
    if (lost) {
      throw new DeviceException("fake:0: device lost; open it again");
    }
    must(
        capturing == null || method.equals("launch") || method.equals("endCapture"),
        method + " while launches are captured");
    if (method.equals(failing) && --failsAfter == 0) {
      failing = null;
      lost = loses;
      throw new DeviceException(
          "fake:0: %s failed: FAKE (7)%s; try again"
              .formatted(method, lost ? ": device lost" : ""));
    }
  }

  private static void must(boolean condition, String message) {
    if (!condition) {
      throw new AssertionError(message);
    }
  }

  private MemorySegment at(Memory memory) {
    MemorySegment segment = memories.get(memory.handle());
    must(segment != null, "memory that is free is used");
    return segment;
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
    enter("allocate");
    must(bytes >= 1, "allocate of " + bytes + " bytes");
    if (bytes > info.memoryBytes()) {
      throw new DeviceException("fake:0: allocate failed: too much; use a smaller batch");
    }
    Arena arena = Arena.ofShared();
    Memory memory = new Memory(++lastHandle, bytes);
    arenas.put(memory.handle(), arena);
    memories.put(memory.handle(), arena.allocate(bytes, 64).fill((byte) 0xA5));
    return memory;
  }

  @Override
  public void free(Memory memory) {
    enter("free");
    must(memories.remove(memory.handle()) != null, "memory is freed twice");
    enqueue(() -> arenas.remove(memory.handle()).close());
  }

  @Override
  public void zero(Memory memory, long offset, long bytes) {
    enter("zero");
    MemorySegment part = at(memory).asSlice(offset, bytes);
    enqueue(() -> part.fill((byte) 0));
  }

  @Override
  public Pinned pinned(long bytes) {
    enter("pinned");
    HostMemory memory = new HostMemory(bytes);
    pinned.add(memory);
    return memory;
  }

  @Override
  public void write(MemorySegment source, Memory target, long offset) {
    enter("write");
    mustBePinned(source);
    MemorySegment part = at(target).asSlice(offset, source.byteSize());
    enqueue(() -> part.copyFrom(source));
  }

  @Override
  public void read(Memory source, long offset, MemorySegment target) {
    enter("read");
    mustBePinned(target);
    MemorySegment part = at(source).asSlice(offset, target.byteSize());
    enqueue(() -> target.copyFrom(part));
  }

  private void mustBePinned(MemorySegment segment) {
    must(
        pinned.stream()
            .map(Pinned::segment)
            .anyMatch(p ->
                p.address() <= segment.address()
                    && segment.address() + segment.byteSize() <= p.address() + p.byteSize()),
        "a copy of memory that is not pinned");
  }

  @Override
  public Mark mark() {
    enter("mark");
    Mark mark = new Place(queued);
    marks.add(mark);
    return mark;
  }

  @Override
  public void launch(String kernel, Grid grid, Object... arguments) {
    enter("launch");
    for (Object argument : arguments) {
      if (argument instanceof Memory memory) {
        at(memory);
      } else {
        must(
            argument == null || argument instanceof Integer || argument instanceof Float,
            kernel + " has an argument " + argument);
      }
    }
    Launch launch = new Launch(kernel, grid, Arrays.asList(arguments));
    if (capturing != null) {
      capturing.add(launch);
    } else {
      queue(launch);
    }
  }

  private void queue(Launch launch) {
    launches.add(launch);
    enqueue(() -> kernels.accept(launch));
  }

  @Override
  public DenseProduct denseProduct() {
    return denseProduct;
  }

  @Override
  public void beginCapture() {
    enter("beginCapture");
    capturing = new ArrayList<>();
    captured++;
  }

  @Override
  public Captured endCapture() {
    must(capturing != null, "no capture was begun");
    List<Launch> collected = capturing;
    enterEnd();
    Captured steps = new Steps(collected);
    captures.add(steps);
    return steps;
  }

  /** A capture whose end fails is over all the same. */
  private void enterEnd() {
    try {
      enter("endCapture");
    } finally {
      capturing = null;
    }
  }

  @Override
  public void abandonCapture() {
    capturing = null;
  }

  @Override
  public void close() {
    if (closed++ == 0) {
      marksAtClose = marks.size();
      pinnedAtClose = pinned.size();
      runAll();
      arenas.values().forEach(Arena::close);
      arenas.clear();
      memories.clear();
      List.copyOf(pinned).forEach(Pinned::close);
    }
  }

  private final class HostMemory implements Pinned {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;

    private HostMemory(long bytes) {
      segment = arena.allocate(bytes, 64);
    }

    @Override
    public MemorySegment segment() {
      must(pinned.contains(this), "pinned memory is used after close");
      return segment;
    }

    @Override
    public void close() {
      if (pinned.contains(this) && closed == 0 && !lost) {
        enter("closePinned");
      }
      if (pinned.remove(this)) {
        runAll();
        arena.close();
      }
    }
  }

  private final class Place implements Mark {
    private final long position;

    private Place(long position) {
      this.position = position;
    }

    @Override
    public void await() {
      must(marks.contains(this), "a mark is used after close");
      enter("await");
      runUntil(position);
    }

    @Override
    public void close() {
      marks.remove(this);
    }
  }

  private final class Steps implements Captured {
    private final List<Launch> steps;

    private Steps(List<Launch> steps) {
      this.steps = steps;
    }

    @Override
    public void launch() {
      must(captures.contains(this), "a capture is launched after close");
      enter("captured");
      for (Launch step : steps) {
        for (Object argument : step.arguments()) {
          if (argument instanceof Memory memory) {
            at(memory);
          }
        }
        queue(step);
      }
    }

    @Override
    public void close() {
      captures.remove(this);
    }
  }
}
