package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Recording;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * An accelerator behind a {@link Driver}: operations are queued, and grids are sized by what the
 * host knows of the live rows, while kernels read the true counts from the table on the device. So
 * nothing waits for the host, and a stage can be queued before it is known who left in the one
 * before.
 */
public final class GpuDevice implements Device {
  private final Driver driver;
  private final Heap heap;
  private final Staging staging;
  private final Launches launches;
  private final GemmChoice gemms;
  private final ImageOperations images;

  /** Scratch of exit heads; another generation of it makes captures void. */
  private Memory work;

  private int generation;

  /** What is being recorded; null while operations run at once. */
  private List<Supplier<Operation>> recorded;

  /** Takes the driver over, and closes it if this fails. */
  public GpuDevice(Driver driver, DeviceOptions options) {
    this.driver = driver;
    try {
      heap = new Heap(driver);
      gemms = new GemmChoice(driver, options.precision(), options.cache());
      launches = new Launches(driver);
      images = new ImageOperations(driver);
      staging = new Staging(heap);
    } catch (RuntimeException e) {
      driver.close();
      throw e;
    }
  }

  @Override
  public DeviceInfo info() {
    return driver.info();
  }

  @Override
  public boolean queues() {
    return true;
  }

  @Override
  public Buffer allocate(DataType type, long elements) {
    Checks check = checks("allocate");
    check.allocation(type, elements);
    if (elements > Long.MAX_VALUE / type.bytes()) {
      throw new DeviceException(
          "%s: a buffer of %,d elements is more than any memory".formatted(info().id(), elements));
    }
    return new GpuBuffer(heap, type, elements);
  }

  @Override
  public Event copyIn(MemorySegment source, Buffer target, long at) {
    Checks check = copy("copyIn");
    check.present("source", source);
    GpuBuffer buffer = check.buffer("target", target);
    staging.upload(source, buffer.memory(), check.offset("target", buffer, at, source));
    return () -> {
      requireOpen("copyIn");
      driver.mark().finish();
    };
  }

  @Override
  public Event copyOut(Buffer source, long at, MemorySegment target) {
    Checks check = copy("copyOut");
    check.present("target", target);
    GpuBuffer buffer = check.buffer("source", source);
    return staging.download(buffer.memory(), check.offset("source", buffer, at, target), target);
  }

  private Checks copy(String name) {
    if (recorded != null) {
      throw new IllegalStateException(name + ": copies cannot be recorded");
    }
    return checks(name);
  }

  @Override
  public Linear linear(
      int inputs, int outputs, MemorySegment weight, DataType type, MemorySegment bias) {
    checks("linear").weights(inputs, outputs, weight, type, bias);
    return new GpuLinear(heap, staging, activations(), inputs, outputs, weight, type, bias);
  }

  @Override
  public Linear head(
      int inputs, int classes, MemorySegment weight, DataType type, MemorySegment bias) {
    checks("head").weights(inputs, classes, weight, type, bias);
    return new GpuLinear(heap, staging, DataType.F32, inputs, classes, weight, type, bias);
  }

  @Override
  public LiveRows liveRows(int capacity, int maxPositions) {
    Checks check = checks("liveRows");
    check.positive("capacity", capacity);
    check.positive("maxPositions", maxPositions);
    return new GpuRows(heap, staging, capacity, maxPositions);
  }

  @Override
  public void embed(LiveRows rows, EmbeddingTables tables, Buffer ids, Buffer out) {
    submit(() -> {
      Checks check = checks("embed");
      GpuRows live = check.rows(rows);
      int vocabulary = check.tables(tables, live.positions());
      int width = tables.normalization().width();
      check.atMost("width", width, launches.widest());
      Memory tokens =
          check
              .buffer("ids", ids, DataType.I32, (long) live.capacity() * live.positions())
              .memory();
      Memory y = check.activations("out", out, live, width).memory();
      return new Operation(
          live, false, bounds -> launches.embed(bounds, live, tables, vocabulary, tokens, y));
    });
  }

  @Override
  public void gemm(
      LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    submit(() -> {
      Checks check = checks("gemm");
      GpuRows live = check.rows(rows);
      GpuLinear linear = check.linear("map", map, activations());
      check.residual(epilogue, residual);
      Memory x = check.activations("in", in, live, linear.inputs()).memory();
      Memory y = check.activations("out", out, live, linear.outputs()).memory();
      Memory r =
          residual == null
              ? null
              : check.activations("residual", residual, live, linear.outputs()).memory();
      check.distinct("out", out, "in", in);
      return new Operation(
          live, false, bounds -> gemms.run(bounds, live, linear, x, epilogue, r, y));
    });
  }

  @Override
  public void layerNorm(LiveRows rows, Normalization normalization, Buffer in, Buffer out) {
    submit(() -> {
      Checks check = checks("layerNorm");
      GpuRows live = check.rows(rows);
      check.norm(normalization);
      check.atMost("width", normalization.width(), launches.widest());
      Memory x = check.activations("in", in, live, normalization.width()).memory();
      Memory y = check.activations("out", out, live, normalization.width()).memory();
      return new Operation(
          live, false, bounds -> launches.layerNorm(bounds, live, normalization, x, y));
    });
  }

  @Override
  public void attention(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out) {
    submit(() -> {
      Checks check = checks("attention");
      GpuRows live = check.rows(rows);
      check.positive("heads", heads);
      check.positive("headSize", headSize);
      int width = check.product("3 * heads * headSize", 3L * heads * headSize) / 3;
      check.atMost("headSize", headSize, launches.largestHead());
      check.atMost("positions", live.positions(), launches.longestAttention());
      Memory x = check.activations("qkv", qkv, live, 3 * width).memory();
      Memory y = check.activations("out", out, live, width).memory();
      check.distinct("out", out, "qkv", qkv);
      return new Operation(
          live, false, bounds -> launches.attention(bounds, live, heads, headSize, x, y));
    });
  }

  @Override
  public Convolution convolution(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
    checks("convolution").weights(shape, weight, type, bias);
    return new GpuConvolution(heap, staging, activations(), shape, weight, type, bias);
  }

  @Override
  public void pixels(
      LiveRows rows, ImageShape image, Buffer scale, Buffer shift, Buffer pixels, Buffer out) {
    submit(() -> images.pixels(checks("pixels"), rows, image, scale, shift, pixels, out));
  }

  @Override
  public void convolve(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    submit(() -> images.convolve(checks("convolve"), rows, map, in, epilogue, residual, out));
  }

  @Override
  public void maxPool(LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
    submit(() -> images.maxPool(checks("maxPool"), rows, window, in, out));
  }

  @Override
  public void gridPool(LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
    submit(() -> images.gridPool(checks("gridPool"), rows, image, grid, in, out));
  }

  @Override
  public void shortcut(
      LiveRows rows, ImageShape image, int stride, int channels, Buffer in, Buffer out) {
    submit(() -> images.shortcut(checks("shortcut"), rows, image, stride, channels, in, out));
  }

  @Override
  public void pool(LiveRows rows, Pooling pooling, int width, Buffer in, Buffer out) {
    submit(() -> {
      Checks check = checks("pool");
      GpuRows live = check.rows(rows);
      check.present("pooling", pooling);
      check.positive("width", width);
      Memory x = check.activations("in", in, live, width).memory();
      Memory y =
          check.buffer("out", out, DataType.F32, (long) live.bounds().rows() * width).memory();
      check.distinct("out", out, "in", in);
      return new Operation(
          live, false, bounds -> launches.pool(bounds, live, pooling, width, x, y));
    });
  }

  @Override
  public void exitHead(LiveRows rows, Pooling pooling, Linear head, Buffer in, ExitSignal signal) {
    submit(() -> {
      Checks check = checks("exitHead");
      GpuRows live = check.rows(rows);
      check.present("pooling", pooling);
      GpuLinear linear = check.linear("head", head, DataType.F32);
      Memory x = check.activations("in", in, live, linear.inputs()).memory();
      check.signal(signal, live, linear.outputs());
      Memory scratch = work(4L * live.capacity() * (linear.inputs() + linear.outputs()));
      return new Operation(
          live,
          false,
          bounds -> launches.exitHead(bounds, live, pooling, linear, x, scratch, signal));
    });
  }

  /** Memory for the length of one operation. */
  private Memory work(long bytes) {
    if (work == null || work.bytes() < bytes) {
      Memory larger = driver.allocate(bytes);
      if (work != null) {
        driver.free(work);
      }
      work = larger;
      generation++;
    }
    return work;
  }

  int generation() {
    return generation;
  }

  @Override
  public void compact(LiveRows rows, ExitSignal signal, Confidence confidence, float lambda) {
    submit(() -> {
      Checks check = checks("compact");
      GpuRows live = check.rows(rows);
      check.threshold(confidence, lambda);
      check.signal(signal, live, 0);
      int line = confidence.ordinal() * signal.capacity();
      return new Operation(
          live, true, bounds -> launches.compact(bounds, live, signal, line, lambda));
    });
  }

  @Override
  public Recording record(Runnable operations) {
    checks("record").present("operations", operations);
    if (recorded != null) {
      throw new IllegalStateException("record: a recording is being made already");
    }
    recorded = new ArrayList<>();
    heap.recording(true);
    try {
      operations.run();
      return new GpuRecording(this, driver, recorded);
    } finally {
      recorded = null;
      heap.recording(false);
    }
  }

  /**
   * Runs or records an operation. Its supplier checks the arguments; a recording does so again at
   * each replay, since buffers may be closed and strides change in between.
   */
  private void submit(Supplier<Operation> call) {
    Operation operation = call.get();
    if (recorded != null) {
      recorded.add(call);
      return;
    }
    Bounds bounds = operation.rows().bounds().bucket();
    if (bounds.rows() > 0) {
      if (operation.compacts()) {
        operation.rows().compacted(); // Beforehand: whatever fails, rows may have left.
      }
      operation.launch().accept(bounds);
    }
  }

  private Checks checks(String operation) {
    requireOpen(operation);
    return new Checks(heap, activations(), operation);
  }

  void requireOpen(String operation) {
    heap.requireOpen(operation);
  }

  void requireNotRecording(String operation) {
    heap.requireNotRecording(operation);
  }

  /** Waits for all that is queued; what failed is told to whoever awaits it, or to nobody. */
  void awaitIdle() {
    try {
      driver.mark().finish();
    } catch (DeviceException e) {
      // A lost device has nothing under way.
    }
  }

  Driver driver() {
    return driver;
  }

  GemmChoice gemms() {
    return gemms;
  }

  ImageLaunches imageLaunches() {
    return images.launches;
  }

  boolean closed() {
    return heap.closed();
  }

  /** Multiply-adds on registers, by as many items as the device runs at once and more. */
  @Override
  public double measurePeakGflops() {
    requireOpen("measurePeakGflops");
    return Peak.measure(driver);
  }

  @Override
  public long liveBytes() {
    return heap.liveBytes();
  }

  @Override
  public void close() {
    if (!heap.closed()) {
      awaitIdle();
      heap.close();
      try {
        staging.close();
      } finally {
        driver.close();
      }
    }
  }
}
