package dev.offramp.runtime;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
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
import java.util.concurrent.atomic.AtomicInteger;

/** A device that fails when told to: when work is queued, or when its answer is awaited. */
public final class FaultyDevice implements Device {
  private final Device device;

  /** How many of the next replays fail. */
  public final AtomicInteger faults = new AtomicInteger();

  /** How many of the next waits for an answer fail. */
  public final AtomicInteger lateFaults = new AtomicInteger();

  public FaultyDevice(Device device) {
    this.device = device;
  }

  @Override
  public Recording record(Runnable operations) {
    Recording recording = device.record(operations);
    return new Recording() {
      @Override
      public void replay() {
        if (faults.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
          throw new DeviceException("injected fault: a kernel failed");
        }
        recording.replay();
      }

      @Override
      public void close() {
        recording.close();
      }
    };
  }

  @Override
  public boolean queues() {
    return device.queues();
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
    Event event = device.copyOut(source, at, target);
    return () -> {
      event.await();
      if (lateFaults.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
        throw new DeviceException("injected fault: the device failed while it worked");
      }
    };
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
    device.embed(rows, tables, ids, out);
  }

  @Override
  public void gemm(
      LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    device.gemm(rows, map, in, epilogue, residual, out);
  }

  @Override
  public void layerNorm(LiveRows rows, Normalization normalization, Buffer in, Buffer out) {
    device.layerNorm(rows, normalization, in, out);
  }

  @Override
  public void attention(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out) {
    device.attention(rows, heads, headSize, qkv, out);
  }

  @Override
  public Convolution convolution(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
    return device.convolution(shape, weight, type, bias);
  }

  @Override
  public void pixels(
      LiveRows rows, ImageShape image, Buffer scale, Buffer shift, Buffer pixels, Buffer out) {
    device.pixels(rows, image, scale, shift, pixels, out);
  }

  @Override
  public void convolve(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    device.convolve(rows, map, in, epilogue, residual, out);
  }

  @Override
  public void maxPool(LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
    device.maxPool(rows, window, in, out);
  }

  @Override
  public void gridPool(LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
    device.gridPool(rows, image, grid, in, out);
  }

  @Override
  public void shortcut(
      LiveRows rows, ImageShape image, int stride, int channels, Buffer in, Buffer out) {
    device.shortcut(rows, image, stride, channels, in, out);
  }

  @Override
  public void pool(LiveRows rows, Pooling pooling, int width, Buffer in, Buffer out) {
    device.pool(rows, pooling, width, in, out);
  }

  @Override
  public void exitHead(LiveRows rows, Pooling pooling, Linear head, Buffer in, ExitSignal signal) {
    device.exitHead(rows, pooling, head, in, signal);
  }

  @Override
  public void compact(LiveRows rows, ExitSignal signal, Confidence confidence, float lambda) {
    device.compact(rows, signal, confidence, lambda);
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
  public void close() {
    device.close();
  }
}
