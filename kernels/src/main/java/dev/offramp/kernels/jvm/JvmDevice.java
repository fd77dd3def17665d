package dev.offramp.kernels.jvm;

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
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Recording;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The processor as a device. Operations have run when their call returns; buffers are Java arrays;
 * a recording is the list of its calls, replayed by blocks of rows where that is faster.
 */
public final class JvmDevice implements Device {
  private static final InnerLoops LOOPS = InnerLoops.best();
  private static final Gemm GEMM = new Gemm(LOOPS);
  private static final Attention ATTENTION = new Attention(LOOPS);
  private static final Positionwise POSITIONWISE = new Positionwise(LOOPS);
  private static final Convolve CONVOLVE = new Convolve(LOOPS);
  private static final ExitHeads EXIT_HEADS = new ExitHeads(GEMM);

  private final DeviceInfo info;
  private final Memory memory = new Memory();
  private final Workers workers;

  /** What is being recorded; null while operations run at once. */
  private List<Supplier<Work>> recorded;

  private Replay.Blocking blocking = Replay.Blocking.USUAL;

  /**
   * Opens the processor.
   *
   * @throws DeviceException if the options ask for another precision than F32
   */
  public JvmDevice(DeviceOptions options) {
    if (options.precision() != Precision.F32) {
      throw new DeviceException(
          "Device jvm computes in F32 only, not in "
              + options.precision()
              + "; leave the precision out, or choose an opencl or cuda device.");
    }
    info = describe(options);
    workers = new Workers(options.threads());
  }

  /** What a device with these options would say of itself. */
  public static DeviceInfo describe(DeviceOptions options) {
    return new DeviceInfo(
        "jvm",
        Processor.name() + ", " + LOOPS.description(),
        Runtime.getRuntime().maxMemory(),
        options.threads(),
        Precision.F32,
        LOOPS.note());
  }

  /** Fused multiply-adds on registers, by as many threads as the device has. */
  @Override
  public double measurePeakGflops() {
    return Peak.measure(LOOPS, info.computeUnits());
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public Buffer allocate(DataType type, long elements) {
    Checks check = checks("allocate");
    check.allocation(type, elements);
    return Memory.allocate("a buffer", elements, () -> new JvmBuffer(memory, type, (int) elements));
  }

  @Override
  public Event copyIn(MemorySegment source, Buffer target, long at) {
    Checks check = copy("copyIn");
    check.present("source", source);
    JvmBuffer buffer = check.buffer("target", target);
    long offset = check.offset("target", buffer, at, source);
    MemorySegment.copy(source, 0, buffer.segment(), offset, source.byteSize());
    return Event.DONE;
  }

  @Override
  public Event copyOut(Buffer source, long at, MemorySegment target) {
    Checks check = copy("copyOut");
    check.present("target", target);
    JvmBuffer buffer = check.buffer("source", source);
    long offset = check.offset("source", buffer, at, target);
    MemorySegment.copy(buffer.segment(), offset, target, 0, target.byteSize());
    return Event.DONE;
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
    Checks check = checks("linear");
    check.weights(inputs, outputs, weight, type, bias);
    return Memory.allocate(
        "a linear map",
        JvmLinear.elements(LOOPS, inputs, outputs),
        () -> new JvmLinear(memory, LOOPS, inputs, outputs, weight, type, bias));
  }

  @Override
  public LiveRows liveRows(int capacity, int maxPositions) {
    Checks check = checks("liveRows");
    check.positive("capacity", capacity);
    check.positive("maxPositions", maxPositions);
    return Memory.allocate(
        "an index table",
        (long) capacity * maxPositions,
        () -> new JvmRows(memory, capacity, maxPositions));
  }

  @Override
  public void embed(LiveRows rows, EmbeddingTables tables, Buffer ids, Buffer out) {
    submit(() -> {
      Checks check = checks("embed");
      JvmRows live = check.rows(rows);
      check.present("tables", tables);
      Positionwise.Norm norm = check.norm(tables.normalization());
      int width = norm.width();
      float[] words = check.table("words", tables.words(), width, 1);
      float[] positions = check.table("positions", tables.positions(), width, live.positions());
      float[] types = check.table("types", tables.types(), width, 1);
      int[] tokens = check.ints("ids", ids, (long) live.capacity() * live.positions());
      float[] y = check.activations("out", out, live, width);
      return POSITIONWISE.embed(live, words, positions, types, norm, tokens, y);
    });
  }

  @Override
  public void gemm(
      LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    submit(() -> {
      Checks check = checks("gemm");
      JvmRows live = check.rows(rows);
      JvmLinear linear = check.linear("map", map);
      check.residual(epilogue, residual);
      float[] x = check.activations("in", in, live, linear.inputs());
      float[] y = check.activations("out", out, live, linear.outputs());
      float[] r =
          residual == null ? null : check.activations("residual", residual, live, linear.outputs());
      check.distinct("out", y, "in", x);
      Gemm.Product product =
          new Gemm.Product(
              linear,
              new Matrix(x, live.tokens(), linear.inputs()),
              epilogue,
              r == null ? null : new Matrix(r, live.tokens(), linear.outputs()),
              new Matrix(y, live.tokens(), linear.outputs()));
      return GEMM.work(live, product);
    });
  }

  @Override
  public void layerNorm(LiveRows rows, Normalization normalization, Buffer in, Buffer out) {
    submit(() -> {
      Checks check = checks("layerNorm");
      JvmRows live = check.rows(rows);
      Positionwise.Norm norm = check.norm(normalization);
      float[] x = check.activations("in", in, live, norm.width());
      float[] y = check.activations("out", out, live, norm.width());
      return POSITIONWISE.layerNorm(live, norm, x, y);
    });
  }

  @Override
  public void attention(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out) {
    submit(() -> {
      Checks check = checks("attention");
      JvmRows live = check.rows(rows);
      check.positive("heads", heads);
      check.positive("headSize", headSize);
      int width = check.product("3 * heads * headSize", 3L * heads * headSize) / 3;
      float[] x = check.activations("qkv", qkv, live, 3 * width);
      float[] y = check.activations("out", out, live, width);
      check.distinct("out", y, "qkv", x);
      return ATTENTION.work(live, heads, headSize, x, y);
    });
  }

  @Override
  public Convolution convolution(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
    Checks check = checks("convolution");
    check.weights(shape, weight, type, bias);
    return Memory.allocate(
        "a convolution",
        JvmConvolution.largestArray(LOOPS, shape),
        () -> new JvmConvolution(memory, LOOPS, shape, weight, type, bias));
  }

  @Override
  public void pixels(
      LiveRows rows, ImageShape image, Buffer scale, Buffer shift, Buffer pixels, Buffer out) {
    submit(() -> ImageOperations.pixels(checks("pixels"), rows, image, scale, shift, pixels, out));
  }

  @Override
  public void convolve(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    submit(() -> CONVOLVE.work(checks("convolve"), rows, map, in, epilogue, residual, out));
  }

  @Override
  public void maxPool(LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
    submit(() -> ImageOperations.maxPool(checks("maxPool"), rows, window, in, out));
  }

  @Override
  public void gridPool(LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
    submit(() -> ImageOperations.gridPool(checks("gridPool"), rows, image, grid, in, out));
  }

  @Override
  public void shortcut(
      LiveRows rows, ImageShape image, int stride, int channels, Buffer in, Buffer out) {
    submit(
        () -> ImageOperations.shortcut(checks("shortcut"), rows, image, stride, channels, in, out));
  }

  @Override
  public void pool(LiveRows rows, Pooling pooling, int width, Buffer in, Buffer out) {
    submit(() -> {
      Checks check = checks("pool");
      JvmRows live = check.rows(rows);
      check.present("pooling", pooling);
      check.positive("width", width);
      float[] x = check.activations("in", in, live, width);
      float[] y = check.floats("out", out, (long) live.count() * width);
      check.distinct("out", y, "in", x);
      return Pool.work(live, pooling, width, x, y);
    });
  }

  @Override
  public void exitHead(LiveRows rows, Pooling pooling, Linear head, Buffer in, ExitSignal signal) {
    submit(() -> {
      Checks check = checks("exitHead");
      JvmRows live = check.rows(rows);
      check.present("pooling", pooling);
      JvmLinear linear = check.linear("head", head);
      float[] x = check.activations("in", in, live, linear.inputs());
      ExitHeads.Verdicts verdicts = check.signal(signal, live, linear.outputs());
      return EXIT_HEADS.work(live, pooling, linear, x, verdicts);
    });
  }

  @Override
  public void compact(LiveRows rows, ExitSignal signal, Confidence confidence, float lambda) {
    submit(() -> {
      Checks check = checks("compact");
      JvmRows live = check.rows(rows);
      check.threshold(confidence, lambda);
      ExitHeads.Verdicts verdicts = check.signal(signal, live, 0);
      float[] scores = verdicts.scores();
      int line = confidence.ordinal() * verdicts.capacity();
      return new Work(live, all -> live.keep(i -> !(scores[line + i] > lambda)), null, List.of());
    });
  }

  @Override
  public Recording record(Runnable operations) {
    checks("record").present("operations", operations);
    if (recorded != null) {
      throw new IllegalStateException("record: a recording is being made already");
    }
    recorded = new ArrayList<>();
    try {
      operations.run();
      return new JvmRecording(this, recorded);
    } finally {
      recorded = null;
    }
  }

  /**
   * Runs or records an operation. Its supplier checks the arguments and gives the work; a recording
   * does both again at each replay, since buffers may be closed and strides change in between.
   */
  private void submit(Supplier<Work> operation) {
    Work work = operation.get();
    if (recorded == null) {
      work.whole().accept(workers);
    } else {
      recorded.add(operation);
    }
  }

  /** Runs or records what has been recorded before. */
  void submit(List<Supplier<Work>> operations) {
    if (recorded != null) {
      operations.forEach(this::submit);
      return;
    }
    Replay replay = new Replay(workers, blocking);
    operations.forEach(operation -> replay.add(operation.get()));
    replay.finish();
  }

  /** Sets when replays go by blocks of rows, for tests and measurements. */
  void blocking(Replay.Blocking when) {
    blocking = when;
  }

  private Checks checks(String operation) {
    if (memory.closed()) {
      throw new IllegalStateException(operation + ": the device is closed");
    }
    return new Checks(memory, operation);
  }

  @Override
  public long liveBytes() {
    return memory.liveBytes();
  }

  @Override
  public void close() {
    memory.close();
    workers.close();
  }
}
