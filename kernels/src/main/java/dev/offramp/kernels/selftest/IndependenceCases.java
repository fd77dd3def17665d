package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * A row's values are the same bits whatever rows are beside it, so that exits do not depend on
 * batching. The device is compared with itself: all rows in one batch, and in parts of it.
 */
final class IndependenceCases {
  /** A full batch has so many positions that its kernels are of other sizes than one row's. */
  private static final int ROWS = 140;

  private static final int POSITIONS = 33;
  private static final int[] WHOLE = {ROWS};
  private static final int[] PARTS = {1, 1, 3, 11, 124};

  private static final int WIDTH = 128;
  private static final int HEADS = 4;
  private static final int INNER = 512;
  private static final int CLASSES = 5;

  private IndependenceCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (int[] s : new int[][] {{384, 1536}, {1536, 384}, {129, 127}, {40, 1}}) {
      cases.add(
          independence(
              "gemm with each epilogue, %d to %d".formatted(s[0], s[1]),
              side -> products(side, s[0], s[1])));
    }
    for (int[] s : new int[][] {{12, 32}, {2, 64}, {3, 33}}) {
      cases.add(
          independence(
              "attention, %d heads of %d".formatted(s[0], s[1]),
              side -> attention(side, s[0], s[1])));
    }
    for (int width : new int[] {129, 384}) {
      cases.add(independence("layerNorm, width " + width, side -> norm(side, width)));
    }
    for (Pooling pooling : Pooling.values()) {
      cases.add(independence("exitHead, " + pooling, side -> exit(side, pooling)));
    }
    cases.add(independence("a layer and an exit", IndependenceCases::layer));
    for (ConvolutionShape shape :
        List.of(
            ConvolutionShape.same(new ImageShape(8, 8, 16), 16, 3, 1),
            ConvolutionShape.same(new ImageShape(7, 5, 64), 129, 3, 2),
            ConvolutionShape.same(new ImageShape(4, 4, 160), 64, 1, 1),
            new ConvolutionShape(new ImageShape(6, 6, 33), 33, 3, 1, 1, 33))) {
      cases.add(
          images(
              "convolve with each epilogue, " + ConvolutionCases.text(shape),
              side -> convolutions(side, shape)));
    }
    cases.add(images("gridPool", IndependenceCases::gridPool));
    return cases;
  }

  /**
   * @param prepare draws weights and inputs, and returns what to do with each part
   */
  private static Case independence(String shape, Function<Side, Consumer<Part>> prepare) {
    return Case.alone(
        "independence",
        shape,
        side -> play(side, prepare, POSITIONS, PARTS),
        side -> play(side, prepare, POSITIONS, WHOLE));
  }

  /** As {@link #independence}, with an image as the only position of a row. */
  private static Case images(String shape, Function<Side, Consumer<Part>> prepare) {
    return Case.alone(
        "independence",
        shape,
        side -> play(side, prepare, 1, PARTS),
        side -> play(side, prepare, 1, WHOLE));
  }

  private static void play(
      Side side, Function<Side, Consumer<Part>> prepare, int positions, int[] parts) {
    int[] lengths = side.random.ints(ROWS, 1, positions + 1).toArray();
    Consumer<Part> work = prepare.apply(side);
    Map<String, float[]> shown = new TreeMap<>(); // The same order whatever the parts.
    int from = 0;
    for (int count : parts) {
      work.accept(
          new Part(side, IntStream.range(from, from + count).toArray(), lengths, positions, shown));
      from += count;
    }
    shown.forEach(side::bits);
  }

  private static Consumer<Part> products(Side side, int inputs, int outputs) {
    Linear map = side.linear(inputs, outputs);
    Lines in = new Lines(side, inputs, 1);
    Lines residuals = new Lines(side, outputs, 1);
    return part -> {
      Buffer x = part.input(in);
      Buffer out = part.output(outputs);
      for (Epilogue epilogue : Epilogue.values()) {
        Buffer residual = epilogue.addsResidual() ? part.input(residuals) : null;
        side.device.gemm(part.rows, map, x, epilogue, residual, out);
        part.show(epilogue.name(), out, outputs);
      }
    };
  }

  private static Consumer<Part> convolutions(Side side, ConvolutionShape shape) {
    Convolution map = side.convolution(shape);
    int width = shape.out().elements();
    Lines in = new Lines(side, shape.in().elements(), 1);
    Lines residuals = new Lines(side, width, 1);
    return part -> {
      Buffer x = part.input(in);
      Buffer out = part.output(width);
      for (Epilogue epilogue : Epilogue.values()) {
        Buffer residual = epilogue.addsResidual() ? part.input(residuals) : null;
        side.device.convolve(part.rows, map, x, epilogue, residual, out);
        part.show(epilogue.name(), out, width);
      }
    };
  }

  private static Consumer<Part> gridPool(Side side) {
    ImageShape image = new ImageShape(9, 8, 16);
    Lines in = new Lines(side, image.elements(), 1);
    return part -> {
      Buffer out = part.output(4 * 16);
      side.device.gridPool(part.rows, image, 2, part.input(in), out);
      part.show("out", out, 4 * 16);
    };
  }

  private static Consumer<Part> attention(Side side, int heads, int headSize) {
    int width = heads * headSize;
    Lines qkv = new Lines(side, 3 * width, 2);
    return part -> {
      Buffer out = part.output(width);
      side.device.attention(part.rows, heads, headSize, part.input(qkv), out);
      part.show("out", out, width);
    };
  }

  private static Consumer<Part> norm(Side side, int width) {
    Normalization normalization = side.normalization(width);
    Lines in = new Lines(side, width, 1);
    return part -> {
      Buffer out = part.output(width);
      side.device.layerNorm(part.rows, normalization, part.input(in), out);
      part.show("out", out, width);
    };
  }

  private static Consumer<Part> exit(Side side, Pooling pooling) {
    Linear head = head(side, 384);
    Lines in = new Lines(side, 384, 1);
    return part -> exit(part, pooling, head, part.input(in));
  }

  private static Linear head(Side side, int width) {
    float[] weight = side.singles(width * CLASSES, 5 / Math.sqrt(width));
    return side.head(width, CLASSES, weight, side.singles(CLASSES, 1));
  }

  private static void exit(Part part, Pooling pooling, Linear head, Buffer in) {
    ExitSignal signal = part.side.signal(part.batch.capacity(), CLASSES);
    part.side.device.exitHead(part.rows, pooling, head, in, signal);
    for (Confidence confidence : Confidence.values()) {
      int line = confidence.ordinal() * signal.capacity();
      part.show(confidence.name(), i -> part.side.floats(signal.scores(), line + i, 1));
    }
    part.show(
        "probabilities",
        i -> part.side.floats(signal.probabilities(), (long) i * CLASSES, CLASSES));
  }

  private static Consumer<Part> layer(Side side) {
    Linear project = side.linear(WIDTH, 3 * WIDTH);
    Linear widen = side.linear(WIDTH, INNER);
    Linear narrow = side.linear(INNER, WIDTH);
    Normalization normalization = side.normalization(WIDTH);
    Linear head = head(side, WIDTH);
    Lines in = new Lines(side, WIDTH, 1);
    return part -> {
      Device device = side.device;
      LiveRows rows = part.rows;
      Buffer x = part.input(in);
      Buffer qkv = part.output(3 * WIDTH);
      Buffer y = part.output(WIDTH);
      Buffer inner = part.output(INNER);

      device.gemm(rows, project, x, Epilogue.BIAS, null, qkv);
      device.attention(rows, HEADS, WIDTH / HEADS, qkv, y);
      device.gemm(rows, widen, y, Epilogue.BIAS_GELU, null, inner);
      device.gemm(rows, narrow, inner, Epilogue.BIAS_RESIDUAL, x, y);
      device.layerNorm(rows, normalization, y, y);

      part.show("activations", y, WIDTH);
      exit(part, Pooling.MEAN, head, y);
    };
  }

  /** A line of numbers for each position of each row, cut from one stock of them. */
  private static final class Lines {
    private static final int STOCK = 65_537; // Prime: no two positions have the same line.

    private final int width;
    private final float[] numbers;

    Lines(Side side, int width, double scale) {
      this.width = width;
      numbers = side.numbers(STOCK, scale);
    }

    float[] of(int row, int length) {
      float[] values = new float[length * width];
      int at = (int) ((long) row * POSITIONS * width % STOCK);
      for (int i = 0; i < values.length; i++) {
        values[i] = numbers[at];
        at = at + 1 < STOCK ? at + 1 : 0;
      }
      return values;
    }
  }

  /** Some of the rows as a batch of its own, scrambled, no longer than the longest of them. */
  private static final class Part {
    final Side side;
    final Batch batch;
    final LiveRows rows;
    private final int[] members;
    private final Map<String, float[]> shown;

    Part(Side side, int[] members, int[] allLengths, int most, Map<String, float[]> shown) {
      this.side = side;
      this.shown = shown;
      this.members = members;
      int[] lengths = IntStream.of(members).map(member -> allLengths[member]).toArray();
      int positions = members.length == ROWS ? most : IntStream.of(lengths).max().orElseThrow();
      int capacity = members.length + members.length / 8 + 1;
      int[] places = Arrays.copyOf(Batch.scrambled(side.random, capacity), members.length);
      batch = new Batch(capacity, positions, places, lengths);
      rows = batch.load(side);
    }

    /** Activations; zero where nobody may look, since whole batches of NaN take long to send. */
    Buffer input(Lines lines) {
      Buffer buffer = output(lines.width);
      for (int i = 0; i < members.length; i++) {
        side.refill(buffer, start(i, lines.width), lines.of(members[i], batch.lengths()[i]));
      }
      return buffer;
    }

    Buffer output(int width) {
      long elements = (long) batch.capacity() * batch.positions() * width;
      return side.open(side.device.allocate(side.device.activations(), elements));
    }

    void show(String name, Buffer activations, int width) {
      show(name, i -> side.floats(activations, start(i, width), batch.lengths()[i] * width));
    }

    /** Keeps what is found for the i-th live row. */
    void show(String name, IntFunction<float[]> values) {
      for (int i = 0; i < members.length; i++) {
        shown.put("%s of row %d".formatted(name, members[i]), values.apply(i));
      }
    }

    private long start(int i, int width) {
      return (long) batch.rows()[i] * batch.positions() * width;
    }
  }
}
