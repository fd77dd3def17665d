package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import java.lang.foreign.MemorySegment;

/**
 * Checks the arguments of one operation and unwraps them. Every message names the operation and the
 * argument.
 */
record Checks(Heap heap, DataType activations, String operation) {

  IllegalArgumentException fault(String message, Object... arguments) {
    return new IllegalArgumentException(operation + ": " + message.formatted(arguments));
  }

  private IllegalStateException closed(String name) {
    return new IllegalStateException(operation + ": " + name + " is closed");
  }

  void present(String name, Object argument) {
    if (argument == null) {
      throw fault("%s is null", name);
    }
  }

  void positive(String name, int value) {
    if (value < 1) {
      throw fault("%s is %d, must be at least 1", name, value);
    }
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
    if (mine.type() != type) {
      throw fault("%s is %s, must be %s", name, mine.type(), type);
    }
    if (mine.elements() < atLeast) {
      throw fault("%s has %d elements, needs %d", name, mine.elements(), atLeast);
    }
    return mine;
  }

  /** Activations [capacity, positions, width]. */
  GpuBuffer activations(String name, Buffer buffer, GpuRows rows, int width) {
    GpuBuffer mine = buffer(name, buffer, activations, 0);
    long needed = (long) rows.capacity() * rows.positions() * width;
    if (mine.elements() < needed) {
      throw fault(
          "%s has %d elements, needs %d [capacity %d, positions %d, width %d]",
          name, mine.elements(), needed, rows.capacity(), rows.positions(), width);
    }
    return mine;
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
    if (mine.elements() % width != 0) {
      throw fault("%s has %d elements, no multiple of width %d", name, mine.elements(), width);
    }
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

  /** The byte offset of element {@code at}, from which on all of {@code host} must fit. */
  long offset(String name, GpuBuffer buffer, long at, MemorySegment host) {
    int bytes = buffer.type().bytes();
    long size = buffer.elements() * bytes;
    if (at < 0 || at > buffer.elements() || host.byteSize() > size - at * bytes) {
      throw fault(
          "%d bytes at element %d go beyond %s, which has %d elements of %d bytes",
          host.byteSize(), at, name, buffer.elements(), bytes);
    }
    if (host.byteSize() % bytes != 0) {
      throw fault(
          "%d bytes are no multiple of %s, %d bytes", host.byteSize(), buffer.type(), bytes);
    }
    return at * bytes;
  }

  void size(String name, MemorySegment segment, long bytes) {
    if (segment.byteSize() != bytes) {
      throw fault("%s has %d bytes, needs %d", name, segment.byteSize(), bytes);
    }
  }

  int product(String name, long value) {
    if (value > Integer.MAX_VALUE) {
      throw fault("%s is %d, too large", name, value);
    }
    return (int) value;
  }

  void distinct(String name, Buffer one, String otherName, Buffer other) {
    if (one == other) {
      throw fault("%s must not be the same buffer as %s", name, otherName);
    }
  }
}
