package dev.offramp.kernels.selftest;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

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
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Recording;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * What every device is compared with: each operation by {@link PlainMath} and {@link PlainImages},
 * position by position, and rounded to F32 once, when it is written. It shares no code with the
 * devices, checks no argument, counts no memory and is slow.
 */
final class PlainDevice implements Device {
  private List<Runnable> recorded; // null while operations run at once

  private record Memory(DataType type, long elements, MemorySegment bytes) implements Buffer {
    @Override
    public void close() {}
  }

  private static MemorySegment bytes(Buffer buffer) {
    return ((Memory) buffer).bytes;
  }

  private static double[] line(Buffer buffer, long at, int width) {
    double[] line = new double[width];
    for (int i = 0; i < width; i++) {
      line[i] = bytes(buffer).getAtIndex(JAVA_FLOAT, at * width + i);
    }
    return line;
  }

  private static double[] all(Buffer buffer) {
    return line(buffer, 0, (int) buffer.elements());
  }

  private static void put(Buffer buffer, long at, double... line) {
    for (int i = 0; i < line.length; i++) {
      bytes(buffer).setAtIndex(JAVA_FLOAT, at * line.length + i, (float) line[i]);
    }
  }

  private record Map(int inputs, int outputs, float[] weight, float[] bias) implements Linear {
    @Override
    public void close() {}
  }

  private record Kernels(ConvolutionShape shape, float[] weight, float[] bias)
      implements Convolution {
    @Override
    public void close() {}
  }

  @FunctionalInterface
  private interface AtPosition {
    void at(int row, int position, int token);
  }

  @FunctionalInterface
  private interface OfRow {
    /**
     * @param i place among the live rows
     * @param valid its valid positions
     */
    void of(int i, int firstToken, double[][] valid);
  }

  private void submit(Runnable operation) {
    if (recorded == null) {
      operation.run();
    } else {
      recorded.add(operation);
    }
  }

  private void eachPosition(LiveRows rows, AtPosition work) {
    submit(() -> {
      Batch live = ((PlainRows) rows).live();
      for (int i = 0; i < live.count(); i++) {
        for (int p = 0; p < live.lengths()[i]; p++) {
          work.at(live.rows()[i], p, live.rows()[i] * live.positions() + p);
        }
      }
    });
  }

  private void eachLine(
      LiveRows rows, Buffer in, int width, Buffer out, UnaryOperator<double[]> work) {
    eachPosition(
        rows, (row, position, token) -> put(out, token, work.apply(line(in, token, width))));
  }

  private void eachRow(LiveRows rows, Buffer in, int width, OfRow work) {
    submit(() -> {
      Batch live = ((PlainRows) rows).live();
      for (int i = 0; i < live.count(); i++) {
        int first = live.rows()[i] * live.positions();
        double[][] valid = new double[live.lengths()[i]][];
        for (int p = 0; p < valid.length; p++) {
          valid[p] = line(in, first + p, width);
        }
        work.of(i, first, valid);
      }
    });
  }

  @Override
  public DeviceInfo info() {
    return new DeviceInfo("plain", "plain loops in doubles", 0, 1, Precision.F32, "");
  }

  @Override
  public Buffer allocate(DataType type, long elements) {
    long bytes = elements * type.bytes();
    long[] words = new long[(int) ((bytes + 7) / 8)];
    return new Memory(type, elements, MemorySegment.ofArray(words).asSlice(0, bytes));
  }

  @Override
  public Event copyIn(MemorySegment source, Buffer target, long at) {
    Memory to = (Memory) target;
    MemorySegment.copy(source, 0, to.bytes, at * to.type.bytes(), source.byteSize());
    return Event.DONE;
  }

  @Override
  public Event copyOut(Buffer source, long at, MemorySegment target) {
    Memory from = (Memory) source;
    MemorySegment.copy(from.bytes, at * from.type.bytes(), target, 0, target.byteSize());
    return Event.DONE;
  }

  @Override
  public Linear linear(
      int inputs, int outputs, MemorySegment weight, DataType type, MemorySegment bias) {
    return new Map(
        inputs, outputs, Side.floats(weight, type), bias == null ? null : bias.toArray(JAVA_FLOAT));
  }

  @Override
  public Convolution convolution(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
    return new Kernels(
        shape, Side.floats(weight, type), bias == null ? null : bias.toArray(JAVA_FLOAT));
  }

  @Override
  public LiveRows liveRows(int capacity, int maxPositions) {
    return new PlainRows(capacity, maxPositions);
  }

  @Override
  public void embed(LiveRows rows, EmbeddingTables tables, Buffer ids, Buffer out) {
    Normalization normalization = tables.normalization();
    int width = normalization.width();
    eachPosition(
        rows,
        (row, position, token) -> {
          int id = bytes(ids).getAtIndex(JAVA_INT, token);
          double[] sum = line(tables.words(), id, width);
          double[] place = line(tables.positions(), position, width);
          double[] type = line(tables.types(), 0, width);
          for (int i = 0; i < width; i++) {
            sum[i] += place[i] + type[i];
          }
          put(out, token, norm(normalization, sum));
        });
  }

  private static double[] norm(Normalization n, double[] x) {
    return PlainMath.layerNorm(x, all(n.gamma()), all(n.beta()), n.epsilon());
  }

  @Override
  public void gemm(
      LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    Map m = (Map) map;
    eachPosition(
        rows,
        (row, position, token) -> {
          double[] x = line(in, token, m.inputs);
          double[] r = residual == null ? null : line(residual, token, m.outputs);
          put(out, token, PlainMath.linear(x, m.weight, m.bias, epilogue, r));
        });
  }

  @Override
  public void layerNorm(LiveRows rows, Normalization normalization, Buffer in, Buffer out) {
    eachLine(rows, in, normalization.width(), out, x -> norm(normalization, x));
  }

  @Override
  public void attention(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out) {
    eachRow(
        rows,
        qkv,
        3 * heads * headSize,
        (i, first, valid) -> {
          double[][] attended = PlainMath.attention(valid, heads, headSize);
          for (int p = 0; p < attended.length; p++) {
            put(out, first + p, attended[p]);
          }
        });
  }

  @Override
  public void pixels(
      LiveRows rows, ImageShape image, Buffer scale, Buffer shift, Buffer pixels, Buffer out) {
    eachPosition(
        rows,
        (row, position, token) -> {
          MemorySegment packed =
              bytes(pixels).asSlice(4L * row * image.pixels(), 4L * image.pixels());
          double[] y = PlainImages.pixels(packed.toArray(JAVA_INT), image, all(scale), all(shift));
          put(out, row, y);
        });
  }

  @Override
  public void convolve(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out) {
    Kernels k = (Kernels) map;
    eachPosition(
        rows,
        (row, position, token) -> {
          double[] x = line(in, row, k.shape.in().elements());
          double[] r = residual == null ? null : line(residual, row, k.shape.out().elements());
          put(out, row, PlainImages.convolve(x, k.shape, k.weight, k.bias, epilogue, r));
        });
  }

  @Override
  public void maxPool(LiveRows rows, ConvolutionShape window, Buffer in, Buffer out) {
    eachLine(rows, in, window.in().elements(), out, x -> PlainImages.maxPool(x, window));
  }

  @Override
  public void gridPool(LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out) {
    eachLine(rows, in, image.elements(), out, x -> PlainImages.gridPool(x, image, grid));
  }

  @Override
  public void shortcut(
      LiveRows rows, ImageShape image, int stride, int channels, Buffer in, Buffer out) {
    eachLine(
        rows, in, image.elements(), out, x -> PlainImages.shortcut(x, image, stride, channels));
  }

  @Override
  public void pool(LiveRows rows, Pooling pooling, int width, Buffer in, Buffer out) {
    eachRow(rows, in, width, (i, first, valid) -> put(out, i, PlainMath.pool(valid, pooling)));
  }

  @Override
  public void exitHead(LiveRows rows, Pooling pooling, Linear head, Buffer in, ExitSignal signal) {
    Map m = (Map) head;
    eachRow(
        rows,
        in,
        m.inputs,
        (i, first, valid) -> {
          double[] pooled = PlainMath.pool(valid, pooling);
          double[] logits = PlainMath.linear(pooled, m.weight, m.bias, Epilogue.BIAS, null);
          double[] probabilities = PlainMath.softmax(logits);
          for (Confidence confidence : Confidence.values()) {
            put(
                signal.scores(),
                (long) confidence.ordinal() * signal.capacity() + i,
                PlainMath.score(probabilities, confidence));
          }
          int prediction = PlainMath.prediction(logits);
          bytes(signal.predictions()).setAtIndex(JAVA_INT, i, prediction);
          if (signal.probabilities() != null) {
            put(signal.probabilities(), i, probabilities);
          }
        });
  }

  @Override
  public void compact(LiveRows rows, ExitSignal signal, Confidence confidence, float lambda) {
    int line = confidence.ordinal() * signal.capacity();
    MemorySegment scores = bytes(signal.scores());
    submit(() -> ((PlainRows) rows).keep(i -> !(scores.getAtIndex(JAVA_FLOAT, line + i) > lambda)));
  }

  @Override
  public Recording record(Runnable operations) {
    List<Runnable> calls = new ArrayList<>();
    recorded = calls;
    operations.run();
    recorded = null;
    return new Calls(calls);
  }

  @Override
  public double measurePeakGflops() {
    return 0;
  }

  @Override
  public long liveBytes() {
    return 0;
  }

  @Override
  public void close() {}
}
