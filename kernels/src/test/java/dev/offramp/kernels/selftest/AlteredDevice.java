package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceInfo;
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
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Another device whose results subclasses alter, also those of recordings: these are kept as a list
 * of calls here. Closing it leaves the other device open.
 */
class AlteredDevice implements Device {
  final Device device;
  private List<Runnable> recorded;

  AlteredDevice(Device device) {
    this.device = device;
  }

  /**
   * Called after an operation that writes.
   *
   * @param operation its name, of gemm and convolve with the epilogue
   * @param outs what it wrote; may hold null
   */
  void after(String operation, LiveRows rows, Buffer... outs) {}

  /** What the other device knows the buffer as. */
  Buffer inner(Buffer buffer) {
    return buffer;
  }

  /** As {@link #inner(Buffer)}, for exit heads. */
  Linear inner(Linear map) {
    return map;
  }

  /** gemm on the other device, with its buffers. */
  void multiply(
      LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    device.gemm(rows, map, in, epilogue, residual, out);
  }

  /** convolve on the other device, with its buffers. */
  void convolved(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    device.convolve(rows, map, in, epilogue, residual, out);
  }

  /** attention on the other device, with its buffers. */
  void attend(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out) {
    device.attention(rows, heads, headSize, qkv, out);
  }

  private void submit(Runnable work) {
    if (recorded == null) {
      work.run();
    } else {
      recorded.add(work);
    }
  }

  @Override
  public DeviceInfo info() {
    return device.info();
  }

  @Override
  public Buffer allocate(DataType type, long elements) {
    return device.allocate(type, elements);
  }

  @Override
  public Event copyIn(MemorySegment source, Buffer target, long at) {
    return device.copyIn(source, target, at);
  }

  @Override
  public Event copyOut(Buffer source, long at, MemorySegment target) {
    return device.copyOut(source, at, target);
  }

  @Override
  public Linear linear(
      int inputs, int outputs, MemorySegment weight, DataType type, MemorySegment bias) {
    return device.linear(inputs, outputs, weight, type, bias);
  }

  @Override
  public LiveRows liveRows(int capacity, int maxPositions) {
    return device.liveRows(capacity, maxPositions);
  }

  @Override
  public void embed(LiveRows rows, EmbeddingTables tables, Buffer ids, Buffer out) {
    submit(() -> {
      device.embed(rows, tables, ids, inner(out));
      after("embed", rows, out);
    });
  }

  @Override
  public void gemm(
      LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    submit(() -> {
      multiply(rows, map, inner(in), epilogue, inner(residual), inner(out));
      after("gemm " + epilogue, rows, out);
    });
  }

  @Override
  public void layerNorm(LiveRows rows, Normalization normalization, Buffer in, Buffer out) {
    submit(() -> {
      device.layerNorm(rows, normalization, inner(in), inner(out));
      after("layerNorm", rows, out);
    });
  }

  @Override
  public void attention(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out) {
    submit(() -> {
      attend(rows, heads, headSize, inner(qkv), inner(out));
      after("attention", rows, out);
    });
  }

  @Override
  public Convolution convolution(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
    return device.convolution(shape, weight, type, bias);
  }

  @Override
  public void pixels(
      LiveRows rows, ImageShape image, Buffer scale, Buffer shift, Buffer pixels, Buffer out) {
    submit(() -> {
      device.pixels(rows, image, scale, shift, pixels, inner(out));
      after("pixels", rows, out);
    });
  }

  @Override
  public void convolve(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    submit(() -> {
      convolved(rows, map, inner(in), epilogue, inner(residual), inner(out));
      after("convolve " + epilogue, rows, out);
    });
  }

  @Override
  public void maxPool(LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
    submit(() -> {
      device.maxPool(rows, window, inner(in), inner(out));
      after("maxPool", rows, out);
    });
  }

  @Override
  public void gridPool(LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
    submit(() -> {
      device.gridPool(rows, image, grid, inner(in), inner(out));
      after("gridPool", rows, out);
    });
  }

  @Override
  public void shortcut(
      LiveRows rows, ImageShape image, int stride, int channels, Buffer in, Buffer out) {
    submit(() -> {
      device.shortcut(rows, image, stride, channels, inner(in), inner(out));
      after("shortcut", rows, out);
    });
  }

  @Override
  public void pool(LiveRows rows, Pooling pooling, int width, Buffer in, Buffer out) {
    submit(() -> {
      device.pool(rows, pooling, width, inner(in), out);
      after("pool", rows, out);
    });
  }

  @Override
  public void exitHead(LiveRows rows, Pooling pooling, Linear head, Buffer in, ExitSignal signal) {
    submit(() -> {
      device.exitHead(rows, pooling, inner(head), inner(in), signal);
      after("exitHead", rows, signal.scores(), signal.predictions(), signal.probabilities());
    });
  }

  @Override
  public void compact(LiveRows rows, ExitSignal signal, Confidence confidence, float lambda) {
    submit(() -> device.compact(rows, signal, confidence, lambda));
  }

  @Override
  public Recording record(Runnable operations) {
    List<Runnable> calls = new ArrayList<>();
    recorded = calls;
    try {
      operations.run();
    } finally {
      recorded = null;
    }
    return new Calls(calls);
  }

  @Override
  public double measurePeakGflops() {
    return device.measurePeakGflops();
  }

  @Override
  public long liveBytes() {
    return device.liveBytes();
  }

  @Override
  public void close() {}
}
