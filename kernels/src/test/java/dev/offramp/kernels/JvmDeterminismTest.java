package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A row's values are the same bits on any number of threads and in any company, so that exits do
 * not depend on batching.
 */
class JvmDeterminismTest {
  private static final int CAPACITY = 40;
  private static final int POSITIONS = 40; // More queries than a tile, more keys than a vector.
  private static final int HEADS = 3;
  private static final int WIDTH = 48;
  private static final int INNER = 400; // More inputs than one block of weights.
  private static final int CLASSES = 5;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());

  @Test
  void bitsDependOnNothingButTheRow() {
    System.out.println("JvmDeterminismTest: offramp.seed=" + seed);
    Random random = new Random(seed);
    Batch batch = Batch.random(random, CAPACITY, POSITIONS);
    float[] input = batch.activations(random, WIDTH);
    Map<Integer, float[]> expected = forward(1, batch, input);
    assertThat(expected.values()).allSatisfy(row -> assertThat(row).doesNotContain(Float.NaN));

    for (int threads : new int[] {2, 3, 5}) {
      assertSame(expected, forward(threads, batch, input));
    }
    for (int from = 0, count = 1; from < batch.count(); from += count, count = count % 7 + 1) {
      assertSame(expected, forward(2, part(batch, from, count), input));
    }
  }

  private static Batch part(Batch batch, int from, int count) {
    int to = Math.min(from + count, batch.count());
    return new Batch(
        CAPACITY,
        POSITIONS,
        Arrays.copyOfRange(batch.rows(), from, to),
        Arrays.copyOfRange(batch.lengths(), from, to));
  }

  private static void assertSame(Map<Integer, float[]> expected, Map<Integer, float[]> actual) {
    actual.forEach(
        (row, values) -> assertThat(values).as("row %d", row).isEqualTo(expected.get(row)));
  }

  /** A layer and an exit; the scores, the probabilities and the first position of each row. */
  private Map<Integer, float[]> forward(int threads, Batch batch, float[] input) {
    try (Rig rig = new Rig(Devices.open("jvm", new DeviceOptions(threads)), seed)) {
      LiveRows rows = batch.load(rig);
      Buffer x = rig.upload(input);
      Buffer qkv = activations(rig, 3 * WIDTH);
      Buffer y = activations(rig, WIDTH);
      Buffer inner = activations(rig, INNER);
      ExitSignal signal = rig.signal(CAPACITY, CLASSES);
      Device device = rig.device;

      device.gemm(rows, map(rig, WIDTH, 3 * WIDTH), x, Epilogue.BIAS, null, qkv);
      device.attention(rows, HEADS, WIDTH / HEADS, qkv, y);
      device.gemm(rows, map(rig, WIDTH, INNER), y, Epilogue.BIAS_GELU, null, inner);
      device.gemm(rows, map(rig, INNER, WIDTH), inner, Epilogue.BIAS_RESIDUAL, x, y);
      Normalization norm =
          new Normalization(rig.upload(rig.numbers(WIDTH, 1)), rig.upload(new float[WIDTH]), 0);
      device.layerNorm(rows, norm, y, y);
      device.exitHead(rows, Pooling.MEAN, map(rig, WIDTH, CLASSES), y, signal);

      float[] scores = rig.floats(signal.scores());
      float[] probabilities = rig.floats(signal.probabilities());
      float[] hidden = rig.floats(y);
      Map<Integer, float[]> result = new LinkedHashMap<>();
      for (int i = 0; i < batch.count(); i++) {
        float[] row = new float[3 + CLASSES + WIDTH];
        for (int line = 0; line < 3; line++) {
          row[line] = scores[line * CAPACITY + i];
        }
        System.arraycopy(probabilities, i * CLASSES, row, 3, CLASSES);
        int first = batch.rows()[i] * POSITIONS * WIDTH;
        System.arraycopy(hidden, first, row, 3 + CLASSES, WIDTH);
        result.put(batch.rows()[i], row);
      }
      return result;
    }
  }

  private static Buffer activations(Rig rig, int width) {
    return rig.open(rig.device.allocate(DataType.F32, (long) CAPACITY * POSITIONS * width));
  }

  /** The seed makes the weights the same in each run. */
  private static Linear map(Rig rig, int inputs, int outputs) {
    return rig.linear(inputs, outputs, rig.weight(inputs, outputs), rig.numbers(outputs, 1));
  }
}
