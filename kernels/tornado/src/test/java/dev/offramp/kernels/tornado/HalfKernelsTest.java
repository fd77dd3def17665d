package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Grid;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Both kinds of a kernel get the same numbers, which halves can hold: results in F16 are those in
 * F32, rounded at the end alone.
 */
class HalfKernelsTest {
  private static final int CAPACITY = 3;
  private static final int POSITIONS = 5;
  private static final int TOKENS = 8;

  /** Rows 2 and 0 are live, of 5 and 3 positions. */
  private static final IntArray LIVE =
      IntArray.fromElements(
          2, TOKENS, POSITIONS, 0, 2, 0, -1, 5, 3, -1, 0, 5, -1, 10, 11, 12, 13, 14, 0, 1, 2);

  /** The same two rows of one position each. */
  private static final IntArray IMAGES =
      IntArray.fromElements(2, 2, 1, 0, 2, 0, -1, 1, 1, -1, 0, 1, -1, 2, 0, -1);

  private static final float UNTOUCHED = 0.1875f;

  private final Random random = new Random(7);

  @Test
  void everyKernelForGraphicsCardsHasBothKinds() {
    for (String name : KernelTable.names(false, Precision.F16)) {
      assertThat(KernelTable.get(name, false, Precision.F16)).isNotNull();
    }
    assertThatThrownBy(() -> KernelTable.get("layer_norm", true, Precision.F16))
        .hasMessage("there is no kernel layer_norm in F16");
  }

  @Test
  void layerNorm() {
    int width = 70;
    IntArray ints = IntArray.fromElements(CAPACITY, width);
    FloatArray gamma = floats(width);
    FloatArray beta = floats(width);
    FloatArray in = halves(CAPACITY * POSITIONS * width);
    FloatArray out = untouched(in.getSize());
    HalfFloatArray halfOut = rounded(out);
    Grid grid = Grid.of(1, 32, 8);
    Emulation.run(
        grid, c -> LayerKernels.layerNorm(c, ints, numbers(1e-12f), LIVE, gamma, beta, in, out));
    Emulation.run(
        grid,
        c ->
            HalfLayerKernels.layerNorm(
                c, ints, numbers(1e-12f), LIVE, gamma, beta, rounded(in), halfOut));
    same(halfOut, out);
  }

  @Test
  void embed() {
    int width = 48;
    int vocabulary = 11;
    IntArray ints = IntArray.fromElements(CAPACITY, width, vocabulary);
    IntArray ids = new IntArray(CAPACITY * POSITIONS);
    for (int i = 0; i < ids.getSize(); i++) {
      ids.set(i, i % vocabulary);
    }
    ids.set(12, vocabulary); // is none
    FloatArray gamma = floats(width);
    FloatArray beta = floats(width);
    FloatArray words = floats(vocabulary * width);
    FloatArray positions = floats(POSITIONS * width);
    FloatArray types = floats(width);
    FloatArray out = untouched(CAPACITY * POSITIONS * width);
    HalfFloatArray halfOut = rounded(out);
    FloatArray epsilon = numbers(1e-12f);
    Grid grid = Grid.of(1, 32, 8);
    Emulation.run(
        grid,
        c ->
            LayerKernels.embed(
                c, ints, epsilon, LIVE, gamma, beta, words, positions, types, ids, out));
    Emulation.run(
        grid,
        c ->
            HalfLayerKernels.embed(
                c, ints, epsilon, LIVE, gamma, beta, words, positions, types, ids, halfOut));
    same(halfOut, out);
    assertThat(out.get(12 * width + 1)).isNaN();
  }

  @Test
  void attention() {
    int heads = 2;
    int headSize = 20;
    IntArray ints = IntArray.fromElements(CAPACITY, heads, headSize);
    FloatArray qkv = halves(CAPACITY * POSITIONS * 3 * heads * headSize);
    FloatArray out = untouched(qkv.getSize() / 3);
    HalfFloatArray halfOut = rounded(out);
    Grid grid = new Grid(CAPACITY * heads, 1, 32, 4, 0);
    Emulation.run(grid, c -> AttentionKernels.attention32(c, ints, numbers(0.2f), LIVE, qkv, out));
    Emulation.run(
        grid,
        c -> HalfAttentionKernels.attention32(c, ints, numbers(0.2f), LIVE, rounded(qkv), halfOut));
    same(halfOut, out);
  }

  /** Each epilogue: 1 is GELU, 4 adds a residual and takes ReLU of that. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4})
  void gemm(int epilogue) {
    int inputs = 37;
    int outputs = 35;
    IntArray ints = IntArray.fromElements(CAPACITY, inputs, outputs, epilogue);
    FloatArray weight = halves(outputs * inputs);
    FloatArray bias = floats(outputs);
    FloatArray in = halves(CAPACITY * POSITIONS * inputs);
    FloatArray residual = halves(CAPACITY * POSITIONS * outputs);
    FloatArray out = untouched(residual.getSize());
    HalfFloatArray halfOut = rounded(out);
    Grid grid = new Grid(2, 1, 64, 1, 0);
    Emulation.run(
        grid, c -> TileGemmKernels.gemm32(c, ints, LIVE, weight, bias, in, residual, out));
    HalfFloatArray halfWeight = rounded(weight);
    HalfFloatArray halfIn = rounded(in);
    Emulation.run(
        grid,
        c ->
            HalfTileGemmKernels.gemm32(
                c, ints, LIVE, halfWeight, bias, halfIn, rounded(residual), halfOut));
    same(halfOut, out);
  }

  /** Images of 5 x 4 pixels and 6 channels. */
  @Test
  void images() {
    int pixels = 20;
    int channels = 6;
    FloatArray in = halves(CAPACITY * pixels * channels);
    HalfFloatArray halfIn = rounded(in);

    IntArray bytes = new IntArray(CAPACITY * pixels);
    for (int i = 0; i < bytes.getSize(); i++) {
      bytes.set(i, random.nextInt());
    }
    IntArray shape = IntArray.fromElements(CAPACITY, pixels, 3);
    FloatArray scale = floats(3);
    FloatArray shift = floats(3);
    image(
        pixels * 3,
        (c, out) -> ImageKernels.pixels(c, shape, IMAGES, scale, shift, bytes, out),
        (c, out) -> HalfImageKernels.pixels(c, shape, IMAGES, scale, shift, bytes, out));

    IntArray window = IntArray.fromElements(CAPACITY, 5, 4, channels, 6, 2, channels, 3, 2, 1);
    image(
        6 * channels,
        (c, out) -> ImageKernels.maxPool(c, window, IMAGES, in, out),
        (c, out) -> HalfImageKernels.maxPool(c, window, IMAGES, halfIn, out));

    IntArray cells = IntArray.fromElements(CAPACITY, 5, 4, channels, 2);
    image(
        4 * channels,
        (c, out) -> ImageKernels.gridPool(c, cells, IMAGES, in, out),
        (c, out) -> HalfImageKernels.gridPool(c, cells, IMAGES, halfIn, out));

    IntArray stride = IntArray.fromElements(CAPACITY, 5, 4, channels, 6, 2, 10, 2);
    image(
        6 * 10,
        (c, out) -> ImageKernels.shortcut(c, stride, IMAGES, in, out),
        (c, out) -> HalfImageKernels.shortcut(c, stride, IMAGES, halfIn, out));
  }

  /** 3 x 3, in two groups and in tiles without any, onto a residual and with ReLU. */
  @Test
  void convolution() {
    int channels = 6;
    int outputs = 8;
    FloatArray in = halves(CAPACITY * 20 * channels);
    HalfFloatArray halfIn = rounded(in);
    FloatArray weight = halves(outputs * 9 * channels);
    HalfFloatArray halfWeight = rounded(weight);
    FloatArray bias = floats(outputs);
    FloatArray residual = halves(CAPACITY * 20 * outputs);
    HalfFloatArray halfResidual = rounded(residual);
    IntArray grouped =
        IntArray.fromElements(CAPACITY, 5, 4, channels, 20, 4, outputs, 3, 1, 1, 2, 4);
    image(
        20 * outputs,
        (c, out) -> ImageKernels.convolution(c, grouped, IMAGES, weight, bias, in, residual, out),
        (c, out) ->
            HalfImageKernels.convolution(
                c, grouped, IMAGES, halfWeight, bias, halfIn, halfResidual, out));
    IntArray whole = IntArray.fromElements(CAPACITY, 5, 4, channels, 20, 4, outputs, 3, 1, 1, 4);
    image(
        20 * outputs,
        (c, out) ->
            TileConvolutionKernels.convolution64x16(
                c, whole, IMAGES, weight, bias, in, residual, out),
        (c, out) ->
            HalfTileConvolutionKernels.convolution64x16(
                c, whole, IMAGES, halfWeight, bias, halfIn, halfResidual, out));
  }

  private static void image(
      int elements,
      BiConsumer<KernelContext, FloatArray> floats,
      BiConsumer<KernelContext, HalfFloatArray> halves) {
    FloatArray out = untouched(CAPACITY * elements);
    HalfFloatArray halfOut = rounded(out);
    Grid grid = Grid.of(CAPACITY, 64);
    Emulation.run(grid, c -> floats.accept(c, out));
    Emulation.run(grid, c -> halves.accept(c, halfOut));
    same(halfOut, out, 2 * elements);
  }

  /** Pooled features and heads are in F32. */
  @Test
  void exits() {
    int width = 40;
    int classes = 3;
    FloatArray in = halves(CAPACITY * POSITIONS * width);
    HalfFloatArray halfIn = rounded(in);
    FloatArray weight = floats(classes * width);
    FloatArray bias = floats(classes);
    FloatArray[] pooled = {untouched(2 * width), untouched(2 * width)};
    FloatArray[] scores = {untouched(3 * CAPACITY), untouched(3 * CAPACITY)};
    FloatArray[] probabilities = {untouched(CAPACITY * classes), untouched(CAPACITY * classes)};
    FloatArray work = untouched(CAPACITY * (width + classes));
    IntArray predictions = new IntArray(CAPACITY);
    IntArray pool = IntArray.fromElements(CAPACITY, 0, width);
    IntArray head = IntArray.fromElements(CAPACITY, 0, width, classes, CAPACITY, 0);
    Grid items = Grid.of(2, 32);
    Grid teams = Grid.of(2, 32, 8);
    Emulation.run(items, c -> ExitKernels.pool(c, pool, LIVE, in, pooled[0]));
    Emulation.run(items, c -> HalfExitKernels.pool(c, pool, LIVE, halfIn, pooled[1]));
    Emulation.run(
        teams,
        c ->
            ExitKernels.exitHead(
                c, head, LIVE, in, weight, bias, work, scores[0], predictions, probabilities[0]));
    int first = predictions.get(0);
    predictions.set(0, -1);
    Emulation.run(
        teams,
        c ->
            HalfExitKernels.exitHead(
                c,
                head,
                LIVE,
                halfIn,
                weight,
                bias,
                work,
                scores[1],
                predictions,
                probabilities[1]));
    assertThat(predictions.get(0)).isEqualTo(first);
    assertThat(pooled[1].toHeapArray()).isEqualTo(pooled[0].toHeapArray());
    assertThat(scores[1].toHeapArray()).isEqualTo(scores[0].toHeapArray());
    assertThat(probabilities[1].toHeapArray()).isEqualTo(probabilities[0].toHeapArray());
    assertThat(probabilities[0].get(0) + probabilities[0].get(1) + probabilities[0].get(2))
        .isBetween(0.99999f, 1.00001f);
  }

  private static void same(HalfFloatArray halves, FloatArray floats) {
    same(halves, floats, floats.getSize() / (CAPACITY * POSITIONS) * TOKENS);
  }

  private static void same(HalfFloatArray halves, FloatArray floats, int expected) {
    int written = 0;
    for (int i = 0; i < floats.getSize(); i++) {
      assertThat(halves.get(i).getHalfFloatValue())
          .as("place %d: %s", i, floats.get(i))
          .isEqualTo(Float.floatToFloat16(floats.get(i)));
      written += floats.get(i) == UNTOUCHED ? 0 : 1;
    }
    assertThat(written).as("places of live rows").isEqualTo(expected);
  }

  /** Numbers of a call. */
  private static FloatArray numbers(float number) {
    FloatArray numbers = new FloatArray(Call.FLOATS + 1);
    numbers.set(Call.FLOATS, number);
    return numbers;
  }

  private FloatArray floats(int count) {
    FloatArray array = new FloatArray(count);
    for (int i = 0; i < count; i++) {
      array.set(i, (float) random.nextGaussian());
    }
    return array;
  }

  /** Floats that halves can hold. */
  private FloatArray halves(int count) {
    FloatArray array = floats(count);
    for (int i = 0; i < count; i++) {
      array.set(i, Float.float16ToFloat(Float.floatToFloat16(array.get(i))));
    }
    return array;
  }

  private static FloatArray untouched(int count) {
    FloatArray array = new FloatArray(count);
    array.init(UNTOUCHED);
    return array;
  }

  private static HalfFloatArray rounded(FloatArray floats) {
    HalfFloatArray halves = new HalfFloatArray(floats.getSize());
    for (int i = 0; i < floats.getSize(); i++) {
      halves.set(i, new HalfFloat(floats.get(i)));
    }
    return halves;
  }
}
