package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Arguments;
import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;

/** Checks the arguments of one operation and unwraps this device's objects among them. */
final class Checks extends Arguments {
  /** So that a grid for more, which is rounded up, still counts them in an int. */
  private static final long MOST_PIXELS = 1 << 30;

  private final Heap heap;
  private final DataType activations;

  Checks(Heap heap, DataType activations, String operation) {
    super(operation);
    this.heap = heap;
    this.activations = activations;
  }

  void atMost(String name, long value, long limit) {
    if (value > limit) {
      throw fault("%s is %d, at most %d on this device", name, value, limit);
    }
  }

  GpuRows rows(LiveRows rows) {
    present("rows", rows);
    if (!(rows instanceof GpuRows mine) || mine.heap != heap) {
      throw fault("rows is of another device");
    }
    mine.capacity(); // throws if closed
    return mine;
  }

  /** Rows whose only position is an image. */
  GpuRows imageRows(LiveRows rows) {
    GpuRows mine = rows(rows);
    images(mine);
    return mine;
  }

  GpuConvolution convolution(String name, Convolution convolution) {
    present(name, convolution);
    if (!(convolution instanceof GpuConvolution mine) || mine.heap != heap) {
      throw fault("%s is of another device", name);
    }
    if (mine.weight() == null) {
      throw closed(name);
    }
    return mine;
  }

  GpuLinear linear(String name, Linear linear, DataType stored) {
    present(name, linear);
    if (!(linear instanceof GpuLinear mine) || mine.heap != heap) {
      throw fault("%s is of another device", name);
    }
    if (mine.weight() == null) {
      throw closed(name);
    }
    if (mine.stored() != stored) {
      throw fault(
          "%s is in %s; layers are made by linear, exit heads by head", name, mine.stored());
    }
    return mine;
  }

  GpuBuffer buffer(String name, Buffer buffer) {
    present(name, buffer);
    if (!(buffer instanceof GpuBuffer mine) || mine.heap != heap) {
      throw fault("%s is of another device", name);
    }
    if (mine.memory() == null) {
      throw closed(name);
    }
    return mine;
  }

  GpuBuffer buffer(String name, Buffer buffer, DataType type, long atLeast) {
    GpuBuffer mine = buffer(name, buffer);
    holds(name, mine, type, atLeast);
    return mine;
  }

  /** Activations [capacity, positions, width]. */
  GpuBuffer activations(String name, Buffer buffer, GpuRows rows, int width) {
    GpuBuffer mine = buffer(name, buffer, activations, 0);
    holds(name, mine, rows, width);
    return mine;
  }

  /** Activations that hold an image of that shape for each row; kernels number its pixels. */
  GpuBuffer image(String name, Buffer buffer, GpuRows rows, ImageShape image) {
    atMost("pixels of all of " + name, (long) rows.capacity() * image.pixels(), MOST_PIXELS);
    return activations(name, buffer, rows, image.elements());
  }

  void norm(Normalization normalization) {
    present("normalization", normalization);
    buffer("gamma", normalization.gamma(), DataType.F32, 1);
    buffer("beta", normalization.beta(), DataType.F32, 1);
  }

  /** Tables for rows of that many positions; returns the vocabulary. */
  int tables(EmbeddingTables tables, int positions) {
    present("tables", tables);
    norm(tables.normalization());
    int width = tables.normalization().width();
    table("positions", tables.positions(), width, positions);
    table("types", tables.types(), width, 1);
    return table("words", tables.words(), width, 1);
  }

  /** A table F32 [lines, width] with at least that many lines; returns how many it has. */
  private int table(String name, Buffer buffer, int width, int lines) {
    GpuBuffer mine = buffer(name, buffer, DataType.F32, (long) lines * width);
    lines(name, mine, width);
    return Math.toIntExact(mine.elements() / width);
  }

  /** A signal for these rows; classes is 0 where probabilities do not matter. */
  void signal(ExitSignal signal, GpuRows rows, int classes) {
    present("signal", signal);
    buffer("signal.predictions", signal.predictions(), DataType.I32, rows.bounds().rows());
    buffer("signal.scores", signal.scores(), DataType.F32, 3L * signal.capacity());
    if (signal.probabilities() != null && classes > 0) {
      buffer(
          "signal.probabilities",
          signal.probabilities(),
          DataType.F32,
          (long) signal.capacity() * classes);
    }
  }
}
