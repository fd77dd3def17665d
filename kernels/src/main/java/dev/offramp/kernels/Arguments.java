package dev.offramp.kernels;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/**
 * Checks the arguments of one operation, as far as no device's own objects are concerned. For
 * devices, which extend it. Every message names the operation and the argument.
 */
public abstract class Arguments {
  private final String operation;

  protected Arguments(String operation) {
    this.operation = operation;
  }

  public IllegalArgumentException fault(String message, Object... arguments) {
    return new IllegalArgumentException(operation + ": " + message.formatted(arguments));
  }

  protected IllegalStateException closed(String name) {
    return new IllegalStateException(operation + ": " + name + " is closed");
  }

  public void present(String name, Object argument) {
    if (argument == null) {
      throw fault("%s is null", name);
    }
  }

  public void positive(String name, int value) {
    if (value < 1) {
      throw fault("%s is %d, must be at least 1", name, value);
    }
  }

  /** Arguments of {@link Device#allocate}. */
  public void allocation(DataType type, long elements) {
    present("type", type);
    if (elements < 0) {
      throw fault("elements is %d", elements);
    }
  }

  /** Arguments of {@link Device#linear} and {@link Device#head}. */
  public void weights(
      int inputs, int outputs, MemorySegment weight, DataType type, MemorySegment bias) {
    positive("inputs", inputs);
    positive("outputs", outputs);
    present("weight", weight);
    present("type", type);
    if (type == DataType.I32) {
      throw fault("weights cannot be I32");
    }
    size("weight", weight, (long) inputs * outputs * type.bytes());
    if (bias != null) {
      size("bias", bias, 4L * outputs);
    }
  }

  /** Arguments of {@link Device#convolution}. */
  public void weights(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias) {
    present("shape", shape);
    weights(shape.depth(), shape.outputs(), weight, type, bias);
  }

  /** That a row is one position, as operations on images want it. */
  protected void images(LiveRows rows) {
    if (rows.positions() != 1) {
      throw fault("rows have %d positions, must have 1, the whole image", rows.positions());
    }
  }

  /** The image of {@link Device#pixels}. */
  public void pixels(ImageShape image) {
    present("image", image);
    if (image.channels() > 4) {
      throw fault("image is %s, a pixel holds at most 4 channels", image);
    }
  }

  /** The window of {@link Device#maxPool}. */
  public void window(ConvolutionShape window) {
    present("window", window);
    int channels = window.in().channels();
    if (window.outputs() != channels || window.groups() != channels) {
      throw fault(
          "window has %d outputs in %d groups, must have %d of both, the channels",
          window.outputs(), window.groups(), channels);
    }
  }

  /** The image and grid of {@link Device#gridPool}; returns the width of its output. */
  public int grid(ImageShape image, int grid) {
    present("image", image);
    if (grid < 1 || grid > image.height() || grid > image.width()) {
      throw fault("grid is %d, must be at least 1 and at most the sides of %s", grid, image);
    }
    return grid * grid * image.channels();
  }

  /** Sizes of {@link Device#shortcut}; returns what it writes. */
  public ImageShape shortcut(ImageShape image, int stride, int channels) {
    present("image", image);
    positive("stride", stride);
    if (channels < image.channels()) {
      throw fault("channels is %d, fewer than those of %s", channels, image);
    }
    int height = Math.ceilDiv(image.height(), stride);
    int width = Math.ceilDiv(image.width(), stride);
    product("the output", (long) height * width * channels);
    return new ImageShape(height, width, channels);
  }

  /** Arguments of {@link Device#compact} besides rows and signal. */
  public void threshold(Confidence confidence, float lambda) {
    present("confidence", confidence);
    if (Float.isNaN(lambda)) {
      throw fault("lambda is NaN");
    }
  }

  /** That a buffer has that type and at least so many elements. */
  protected void holds(String name, Buffer buffer, DataType type, long atLeast) {
    if (buffer.type() != type) {
      throw fault("%s is %s, must be %s", name, buffer.type(), type);
    }
    if (buffer.elements() < atLeast) {
      throw fault("%s has %d elements, needs %d", name, buffer.elements(), atLeast);
    }
  }

  /** That a buffer has room for activations [capacity, positions, width]. */
  protected void holds(String name, Buffer buffer, LiveRows rows, int width) {
    long needed = (long) rows.capacity() * rows.positions() * width;
    if (buffer.elements() < needed) {
      throw fault(
          "%s has %d elements, needs %d [capacity %d, positions %d, width %d]",
          name, buffer.elements(), needed, rows.capacity(), rows.positions(), width);
    }
  }

  /** That a buffer is a table [lines, width]. */
  protected void lines(String name, Buffer buffer, int width) {
    if (buffer.elements() % width != 0) {
      throw fault("%s has %d elements, no multiple of width %d", name, buffer.elements(), width);
    }
  }

  /** The byte offset of element {@code at}, from which on all of {@code host} must fit. */
  public long offset(String name, Buffer buffer, long at, MemorySegment host) {
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

  private void size(String name, MemorySegment segment, long bytes) {
    if (segment.byteSize() != bytes) {
      throw fault("%s has %d bytes, needs %d", name, segment.byteSize(), bytes);
    }
  }

  public int product(String name, long value) {
    if (value > Integer.MAX_VALUE) {
      throw fault("%s is %d, too large", name, value);
    }
    return (int) value;
  }

  /** Whether the residual is there just where the epilogue adds one. */
  public void residual(Epilogue epilogue, Buffer residual) {
    present("epilogue", epilogue);
    if ((residual == null) == epilogue.addsResidual()) {
      throw fault("residual is %s with %s", residual == null ? "null" : "given", epilogue);
    }
  }

  public void distinct(String name, Object one, String otherName, Object other) {
    if (one == other) {
      throw fault("%s must not be the same buffer as %s", name, otherName);
    }
  }

  /**
   * What {@link LiveRows#load} says it refuses, for a table of that size.
   *
   * @param seen for use in here, so that a load allocates nothing
   */
  public static void rows(
      int[] rows,
      int[] lengths,
      int count,
      int positions,
      int capacity,
      int maxPositions,
      BitSet seen) {
    if (positions < 1 || positions > maxPositions) {
      throw new IllegalArgumentException(
          "load: positions is %d, allowed is 1 to %d".formatted(positions, maxPositions));
    }
    if (count < 0 || count > rows.length || count > lengths.length) {
      throw new IllegalArgumentException(
          "load: count is %d, of %d rows and %d lengths"
              .formatted(count, rows.length, lengths.length));
    }
    seen.clear();
    for (int i = 0; i < count; i++) {
      if (rows[i] < 0 || rows[i] >= capacity) {
        throw new IllegalArgumentException(
            "load: rows[%d] is %d, allowed is 0 to %d".formatted(i, rows[i], capacity - 1));
      }
      if (lengths[i] < 1 || lengths[i] > positions) {
        throw new IllegalArgumentException(
            "load: lengths[%d] is %d, allowed is 1 to %d".formatted(i, lengths[i], positions));
      }
      if (seen.get(rows[i])) {
        throw new IllegalArgumentException("load: row %d is named twice".formatted(rows[i]));
      }
      seen.set(rows[i]);
    }
  }
}
