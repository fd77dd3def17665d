package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.Grid;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** A stream of a CUDA device. */
final class CudaDriver implements Driver {
  private static final long SPIN_NANOS = 50_000;

  private final Properties properties;
  private final Libraries libraries;
  private final DeviceInfo info;
  private final Extras extras;
  private final Cuda cuda;
  private final Context context;
  private final Set<Long> allocated = new HashSet<>();
  private final Set<HostMemory> pinned = new HashSet<>();
  private final Set<Graph> graphs = new HashSet<>();

  /** Every event that was created, and those of them that no mark uses. */
  private final Set<Long> events = new HashSet<>();

  private final Deque<Long> idleEvents = new ArrayDeque<>();
  private long stream;
  private long pool;
  private Kernels kernels;
  private CublasLt cublasLt;
  private boolean capturing;
  private boolean closed;

  /** Opens a device that {@link Properties#refusal} has nothing against. */
  CudaDriver(Libraries libraries, Properties properties, DeviceOptions options, Program program) {
    this.libraries = libraries;
    this.properties = properties;
    this.extras = program.extras();
    this.info = properties.info(libraries, options.precision(), extras);
    this.cuda = libraries.cuda();
    this.context = new Context(cuda, properties.number());
    try {
      context.call(cuda.streamCreate, context.out(), Cuda.STREAM_NON_BLOCKING);
      stream = context.result();
      if (properties.pools()) {
        context.call(cuda.deviceGetMemPool, context.out(), context.device);
        pool = context.result();
        keepInPool(-1L);
      }
      long module =
          program.load(context, libraries.nvrtc(), properties.capability(), options.cache());
      kernels = new Kernels(context, module, extras.overlap());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public Traits traits() {
    return properties.traits(extras);
  }

  @Override
  public Memory allocate(long bytes) {
    int code =
        pool != 0
            ? context.attempt(cuda.memAllocAsync, context.out(), bytes, stream)
            : context.attempt(cuda.memAlloc, context.out(), bytes);
    if (code != Cuda.SUCCESS) {
      String call = (pool != 0 ? cuda.memAllocAsync : cuda.memAlloc).name();
      throw context.failure("%s of %,d bytes".formatted(call, bytes), code);
    }
    long address = context.result();
    allocated.add(address);
    return new Memory(address, bytes);
  }

  @Override
  public void free(Memory memory) {
    if (!allocated.contains(memory.handle())) {
      throw new IllegalArgumentException(info.id() + ": the memory is free already, or of another");
    }
    if (pool != 0) {
      context.call(cuda.memFreeAsync, memory.handle(), stream);
    } else {
      context.call(cuda.streamSynchronize, stream);
      context.call(cuda.memFree, memory.handle());
    }
    allocated.remove(memory.handle());
  }

  @Override
  public void zero(Memory memory, long offset, long bytes) {
    Objects.checkFromIndexSize(offset, bytes, memory.bytes());
    if (bytes > 0) {
      context.call(cuda.memsetD8Async, memory.handle() + offset, (byte) 0, bytes, stream);
    }
  }

  @Override
  public Pinned pinned(long bytes) {
    int code = context.attempt(cuda.memHostAlloc, context.out(), bytes, 0);
    if (code != Cuda.SUCCESS) {
      throw context.failure("cuMemHostAlloc of %,d bytes".formatted(bytes), code);
    }
    HostMemory memory = new HostMemory(MemorySegment.ofAddress(context.result()), bytes);
    pinned.add(memory);
    return memory;
  }

  @Override
  public void write(MemorySegment source, Memory target, long offset) {
    long bytes = source.byteSize();
    Objects.checkFromIndexSize(offset, bytes, target.bytes());
    if (bytes > 0) {
      context.call(cuda.memcpyHtoDAsync, target.handle() + offset, source, bytes, stream);
    }
  }

  @Override
  public void read(Memory source, long offset, MemorySegment target) {
    long bytes = target.byteSize();
    Objects.checkFromIndexSize(offset, bytes, source.bytes());
    if (bytes > 0) {
      context.call(cuda.memcpyDtoHAsync, target, source.handle() + offset, bytes, stream);
    }
  }

  @Override
  public Mark mark() {
    Long event = idleEvents.poll();
    if (event == null) {
      context.call(cuda.eventCreate, context.out(), Cuda.EVENT_BLOCKING_SYNC_NO_TIMING);
      event = context.result();
      events.add(event);
    }
    try {
      context.call(cuda.eventRecord, event, stream);
    } catch (RuntimeException e) {
      idleEvents.add(event);
      throw e;
    }
    return new EventMark(event);
  }

  @Override
  public void launch(String kernel, Grid grid, Object... arguments) {
    kernels.launch(stream, kernel, grid, arguments);
  }

  @Override
  public DenseProduct denseProduct() {
    if (cublasLt == null && libraries.cublasLt() != null) {
      cublasLt = new CublasLt(libraries.cublasLt(), this, context, stream);
    }
    return cublasLt;
  }

  @Override
  public void beginCapture() {
    context.call(cuda.streamBeginCapture, stream, Cuda.CAPTURE_THREAD_LOCAL);
    capturing = true;
  }

  @Override
  public Captured endCapture() {
    capturing = false;
    context.call(cuda.streamEndCapture, stream, context.out());
    long graph = context.result();
    Graph captured;
    try {
      context.call(cuda.graphInstantiate, context.out(), graph, 0L);
      captured = new Graph(context.result());
      graphs.add(captured);
    } finally {
      context.release(cuda.graphDestroy, graph);
    }
    try {
      context.call(cuda.graphUpload, captured.executable, stream);
    } catch (RuntimeException e) {
      captured.close();
      throw e;
    }
    return captured;
  }

  @Override
  public void abandonCapture() {
    if (!capturing) {
      return;
    }
    capturing = false;
    context.out().set(ValueLayout.JAVA_LONG, 0, 0);
    context.release(cuda.streamEndCapture, stream, context.out());
    // A capture that was invalidated leaves no graph.
    if (context.result() != 0) {
      context.release(cuda.graphDestroy, context.result());
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    abandonCapture();
    synchronize();
    if (cublasLt != null) {
      cublasLt.close();
    }
    List.copyOf(graphs).forEach(Graph::close);
    List.copyOf(pinned).forEach(HostMemory::close);
    events.forEach(event -> context.release(cuda.eventDestroy, event));
    for (long address : allocated) {
      if (pool != 0) {
        context.release(cuda.memFreeAsync, address, stream);
      } else {
        context.release(cuda.memFree, address);
      }
    }
    if (kernels != null) {
      kernels.close();
    }
    if (pool != 0) {
      synchronize();
      context.release(cuda.memPoolTrimTo, pool, 0L);
    }
    if (stream != 0) {
      context.release(cuda.streamDestroy, stream);
    }
    context.close();
  }

  /** So that nothing is freed under the device's hands; an error has no one to be told to. */
  private void synchronize() {
    if (stream != 0) {
      context.release(cuda.streamSynchronize, stream);
    }
  }

  /** Has the pool keep so many bytes that are free: it returns the others whenever it waits. */
  private void keepInPool(long bytes) {
    context.out().set(ValueLayout.JAVA_LONG, 0, bytes);
    context.call(cuda.memPoolSetAttribute, pool, Cuda.MEMPOOL_RELEASE_THRESHOLD, context.out());
  }

  private final class HostMemory implements Pinned {
    private final MemorySegment segment;

    HostMemory(MemorySegment start, long bytes) {
      segment = start.reinterpret(bytes);
      segment.fill((byte) 0);
    }

    @Override
    public MemorySegment segment() {
      return segment;
    }

    @Override
    public void close() {
      if (pinned.remove(this)) {
        synchronize();
        context.release(cuda.memFreeHost, segment);
      }
    }
  }

  private final class EventMark implements Mark {
    private final long event;
    private boolean released;

    EventMark(long event) {
      this.event = event;
    }

    private boolean reached() {
      int code = context.attempt(cuda.eventQuery, event);
      if (code != Cuda.SUCCESS && code != Cuda.NOT_READY) {
        throw context.failure("cuEventQuery", code);
      }
      return code == Cuda.SUCCESS;
    }

    @Override
    public void await() {
      long start = System.nanoTime();
      do {
        if (reached()) {
          return;
        }
        Thread.onSpinWait();
      } while (System.nanoTime() - start < SPIN_NANOS);
      context.call(cuda.eventSynchronize, event);
    }

    @Override
    public void close() {
      if (!released && !closed) {
        idleEvents.add(event);
      }
      released = true;
    }
  }

  private final class Graph implements Captured {
    private final long executable;

    Graph(long executable) {
      this.executable = executable;
    }

    @Override
    public void launch() {
      context.call(cuda.graphLaunch, executable, stream);
    }

    @Override
    public void close() {
      if (graphs.remove(this)) {
        synchronize();
        context.release(cuda.graphExecDestroy, executable);
      }
    }
  }
}
