package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Recording;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** Recordings of operations on images, with a compaction between them. */
final class ImageRecordingCases {
  private static final float LAMBDA = 0.5f;
  private static final ImageShape IMAGE = new ImageShape(9, 7, 3);
  private static final ConvolutionShape WIDEN = ConvolutionShape.same(IMAGE, 8, 3, 1);
  private static final ConvolutionShape WINDOW = new ConvolutionShape(WIDEN.out(), 8, 3, 2, 1, 8);
  private static final ConvolutionShape KEEP = ConvolutionShape.same(WINDOW.out(), 8, 3, 1);
  private static final int CHANNELS = 19;
  private static final int GRID = 2;

  private ImageRecordingCases() {}

  static List<Case> all() {
    return List.of(
        recording("operations on images, batches of 7", side -> play(side, 7)),
        recording("operations on images, batches of 129", side -> play(side, 129)));
  }

  private static Case recording(String shape, Case.Play play) {
    return new Case("recording", shape, Tolerance.ATTENTION, play);
  }

  /** Each convolution halves what it is given, so that errors stay within the tolerance of one. */
  private static Convolution halving(Side side, ConvolutionShape shape) {
    float[] weight =
        side.numbers(shape.depth() * shape.outputs(), 0.5 * Math.sqrt(3.0 / shape.depth()));
    return side.convolution(shape, weight, side.numbers(shape.outputs(), 1));
  }

  private static void play(Side side, int capacity) {
    int narrowed = 3 * 2 * CHANNELS; // Every second of 5 x 4 pixels.
    int pooledWidth = GRID * GRID * CHANNELS;
    LiveRows rows = side.open(side.device.liveRows(capacity, 1));
    ExitSignal given = side.signal(capacity, 0);
    Buffer scale = side.f32(side.singles(3, 0.005));
    Buffer shift = side.f32(side.singles(3, 0.5));
    Convolution widen = halving(side, WIDEN);
    Convolution keep = halving(side, KEEP);
    Buffer pixels = side.i32(new int[capacity * IMAGE.pixels()]);
    Buffer image = side.activations(new float[capacity * IMAGE.elements()]);
    Buffer wide = side.activations(new float[capacity * WIDEN.out().elements()]);
    Buffer largest = side.activations(new float[capacity * KEEP.in().elements()]);
    Buffer sum = side.activations(new float[capacity * KEEP.in().elements()]);
    Buffer small = side.activations(new float[capacity * narrowed]);
    Buffer pooled = side.activations(new float[capacity * pooledWidth]);
    Recording recording =
        side.open(
            side.device.record(() -> {
              side.device.pixels(rows, IMAGE, scale, shift, pixels, image);
              side.device.convolve(rows, widen, image, Epilogue.BIAS_RELU, null, wide);
              side.device.compact(rows, given, Confidence.MARGIN, LAMBDA);
              side.device.maxPool(rows, WINDOW, wide, largest);
              side.device.convolve(rows, keep, largest, Epilogue.BIAS_RESIDUAL_RELU, largest, sum);
              side.device.shortcut(rows, KEEP.out(), 2, CHANNELS, sum, small);
              side.device.gridPool(rows, new ImageShape(3, 2, CHANNELS), GRID, small, pooled);
            }));
    Side.require(zero(side.floats(image)), "operations ran while they were recorded");

    for (int round = 0; round < 3; round++) {
      Batch batch = Batch.random(side.random, capacity, 1);
      rows.load(batch.rows(), batch.lengths(), 1);
      int[] packed = side.random.ints((long) capacity * IMAGE.pixels()).toArray();
      side.device.copyIn(MemorySegment.ofArray(packed), pixels, 0).await();
      side.refill(image, batch.poisoned(IMAGE.elements()));
      side.refill(wide, batch.poisoned(WIDEN.out().elements()));
      side.refill(largest, batch.poisoned(KEEP.in().elements()));
      side.refill(sum, batch.poisoned(KEEP.in().elements()));
      side.refill(small, batch.poisoned(narrowed));
      side.refill(pooled, batch.poisoned(pooledWidth));
      float[] scores = side.numbers(3 * capacity, 1);
      side.device.copyIn(MemorySegment.ofArray(scores), given.scores(), 0).await();

      recording.replay();

      int line = Confidence.MARGIN.ordinal() * capacity;
      Batch stayed = batch.keep(i -> !(scores[line + i] > LAMBDA));
      Side.require(
          Arrays.equals(rows.rows(), stayed.rows()), "the live rows are wrong after a replay");
      side.output("image", batch.written(side.floats(image), IMAGE.elements()));
      side.output("wide", batch.written(side.floats(wide), WIDEN.out().elements()));
      side.output("largest", stayed.written(side.floats(largest), KEEP.in().elements()));
      side.output("sum", stayed.written(side.floats(sum), KEEP.in().elements()));
      side.output("small", stayed.written(side.floats(small), narrowed));
      side.output("pooled", stayed.written(side.floats(pooled), pooledWidth));
    }

    rows.load(new int[0], new int[0], 1);
    Batch none = Batch.none(capacity, 1);
    side.refill(pooled, none.poisoned(pooledWidth));
    recording.replay();
    none.written(side.floats(pooled), pooledWidth);
  }

  private static boolean zero(float[] values) {
    for (float value : values) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }
}
