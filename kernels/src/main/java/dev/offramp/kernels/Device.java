package dev.offramp.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Executes the operations of layered networks over live rows. One thread at a time may use a
 * device; operations are queued and run in the order of the calls.
 *
 * <p>Unless said otherwise a buffer named activations is [capacity, positions, width] of the type
 * {@link #activations()}, with the capacity and stride of the {@link LiveRows}; only the valid
 * positions of live rows are read and written. Output buffers must not overlap inputs, except where
 * it says so. Wrong shapes, types or a foreign device's objects are an {@link
 * IllegalArgumentException} that names the operation. Operations on zero live rows do nothing.
 */
public interface Device extends AutoCloseable {
  DeviceInfo info();

  /** Element type of activation buffers. */
  default DataType activations() {
    return info().precision().activations();
  }

  /**
   * Whether operations are only queued when their call returns, so that the host and the device
   * work at the same time.
   */
  default boolean queues() {
    return false;
  }

  /**
   * Allocates zeroed memory.
   *
   * @throws DeviceException if the device has not enough memory
   */
  Buffer allocate(DataType type, long elements);

  /**
   * Queues a copy of all of {@code source}, whose elements are of the buffer's type in native byte
   * order, to the buffer from element {@code at} on. The source has been read when the call returns
   * and may be changed then.
   */
  Event copyIn(MemorySegment source, Buffer target, long at);

  /** Queues a copy from element {@code at} of the buffer on that fills all of {@code target}. */
  Event copyOut(Buffer source, long at, MemorySegment target);

  /**
   * Uploads a linear map in the device's own layout.
   *
   * @param weight [outputs, inputs] of the type, row after row, in native byte order; not kept
   * @param type type of the weight's elements: F32, F16 or BF16
   * @param bias F32 [outputs], or null for none
   */
  Linear linear(int inputs, int outputs, MemorySegment weight, DataType type, MemorySegment bias);

  /**
   * As {@link #linear}, for the map of an exit head: its weights stay in F32 whatever the
   * precision, since confidences are compared with thresholds.
   */
  default Linear head(
      int inputs, int classes, MemorySegment weight, DataType type, MemorySegment bias) {
    return linear(inputs, classes, weight, type, bias);
  }

  /** An empty index table for activation buffers of that size. */
  LiveRows liveRows(int capacity, int maxPositions);

  /**
   * Embedding gather: out = norm(words[id] + positions[p] + types[0]) at each valid position.
   *
   * @param ids I32 [capacity, positions]
   * @param out activations of the tables' width
   * @throws IllegalArgumentException on an id outside the vocabulary, where the device can tell
   *     (others leave NaN)
   */
  void embed(LiveRows rows, EmbeddingTables tables, Buffer ids, Buffer out);

  /**
   * GEMM with a fused epilogue at each valid position: out = epilogue(W in + b).
   *
   * @param map made by {@link #linear}
   * @param in activations, {@code map.inputs()} wide
   * @param residual activations, {@code map.outputs()} wide, with an epilogue that adds one, else
   *     null; may be the same buffer as out
   * @param out activations, {@code map.outputs()} wide
   */
  void gemm(LiveRows rows, Linear map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out);

  /** Layer normalization at each valid position; {@code out} may be {@code in}. */
  void layerNorm(LiveRows rows, Normalization normalization, Buffer in, Buffer out);

  /**
   * Multi-head self-attention within each row, softmax(Q K^T / sqrt(headSize)) V over the row's
   * valid positions.
   *
   * @param qkv activations 3 * heads * headSize wide: queries, keys, values, each head after head
   * @param out activations heads * headSize wide
   */
  void attention(LiveRows rows, int heads, int headSize, Buffer qkv, Buffer out);

  /**
   * Uploads a convolution in the device's own layout.
   *
   * @param weight [outputs, inputs / groups, kernel, kernel] of the type, in native byte order; not
   *     kept
   * @param type type of the weight's elements: F32, F16 or BF16
   * @param bias F32 [outputs], or null for none
   */
  Convolution convolution(
      ConvolutionShape shape, MemorySegment weight, DataType type, MemorySegment bias);

  /**
   * Input layer of an image model: out = byte * scale + shift for each channel of each pixel. This
   * and the following operations on images take rows of one position, which holds a whole image,
   * [height, width, channels]; the rows' own stride is 1.
   *
   * @param image at most 4 channels
   * @param scale F32 [channels]
   * @param shift F32 [channels]
   * @param pixels I32 [capacity, height * width], byte c of a number, the lowest first, is channel
   *     c
   * @param out activations, {@code image.elements()} wide
   */
  void pixels(
      LiveRows rows, ImageShape image, Buffer scale, Buffer shift, Buffer pixels, Buffer out);

  /**
   * Convolution of each live row's image with a fused epilogue.
   *
   * @param map made by {@link #convolution}
   * @param in activations, {@code map.shape().in().elements()} wide
   * @param residual activations as wide as out with an epilogue that adds one, else null; may be
   *     the same buffer as out
   * @param out activations, {@code map.shape().out().elements()} wide
   */
  void convolve(
      LiveRows rows, Convolution map, Buffer in, Epilogue epilogue, Buffer residual, Buffer out);

  /**
   * Largest value of each channel in a square window around each output pixel; pixels outside the
   * image do not count, a NaN in the window stays.
   *
   * @param window sizes as of a convolution; its channels, in and out, are the same, each a group
   *     of its own
   * @param in activations, {@code window.in().elements()} wide
   * @param out activations, {@code window.out().elements()} wide
   */
  void maxPool(LiveRows rows, ConvolutionShape window, Buffer in, Buffer out);

  /**
   * Mean of each channel in each cell of a grid over the image. Cell i of g covers the lines from
   * floor(i * height / g) to, exclusive, ceil((i + 1) * height / g), and columns alike.
   *
   * @param grid cells along each side, at most the image's height and width
   * @param in activations, {@code image.elements()} wide
   * @param out activations, grid * grid * channels wide: [grid, grid, channels]
   */
  void gridPool(LiveRows rows, ImageShape image, int grid, Buffer in, Buffer out);

  /**
   * The shortcut without weights of residual networks ("option A" of He et al. 2015, arXiv
   * 1512.03385): every stride-th pixel, its channels put in the middle of the output's, the others
   * 0. Of missing channels {@code (channels - image.channels()) / 2} come before.
   *
   * @param channels of the output, at least those of the image
   * @param in activations, {@code image.elements()} wide
   * @param out activations, ceil(height / stride) * ceil(width / stride) * channels wide
   */
  void shortcut(LiveRows rows, ImageShape image, int stride, int channels, Buffer in, Buffer out);

  /**
   * Pools the positions of each live row to one vector.
   *
   * @param in activations of that width
   * @param out F32 [capacity, width], entry i for the i-th live row
   */
  void pool(LiveRows rows, Pooling pooling, int width, Buffer in, Buffer out);

  /**
   * Exit head of each live row: pool, linear, softmax, then prediction and scores.
   *
   * @param head made by {@link #head}
   * @param in activations, {@code head.inputs()} wide
   * @param signal entry i for the i-th live row
   */
  void exitHead(LiveRows rows, Pooling pooling, Linear head, Buffer in, ExitSignal signal);

  /**
   * Compaction: keeps, in their order, the live rows whose score is not above lambda. The rule is
   * strict and NaN never exits: a row leaves if and only if {@code score > lambda}.
   *
   * @param signal what {@link #exitHead} left for these very rows
   */
  void compact(LiveRows rows, ExitSignal signal, Confidence confidence, float lambda);

  /**
   * Records the operations that {@code operations} calls on this device, without running them.
   * Copies cannot be recorded.
   */
  Recording record(Runnable operations);

  /**
   * Measures the most that the device's arithmetic can do in F32, in GFLOP/s: what throughput is
   * compared with. Takes well under a second.
   */
  double measurePeakGflops();

  /** Bytes allocated on the device (and in native memory for it) that are not closed yet. */
  long liveBytes();

  /** Waits for queued work and frees the device; buffers of it cannot be used afterwards. */
  @Override
  void close();
}
