package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Precision;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every size of a product's kernel on tensor cores, on the processor: against sums in double, and
 * that a row's bits do not tell which of them ran (docs/decisions/0002).
 */
class EmulatedProductsTest {
  private static final int POSITIONS = 3;

  @ParameterizedTest
  @CsvSource({
    "75, F16, 1, 8, 7",
    "75, F16, 50, 136, 129",
    "80, TF32, 1, 4, 1",
    "80, TF32, 50, 68, 127",
    "80, TF32, 129, 32, 129",
    "90, F16, 1, 8, 1",
    "90, F16, 7, 128, 127",
    "90, F16, 50, 200, 300",
    "90, F16, 129, 72, 129"
  })
  void everySizeGivesTheSameBits(
      int capability, Precision precision, int rows, int inputs, int outputs) {
    long seed = Long.getLong("offramp.seed", System.nanoTime());
    System.out.println("EmulatedProductsTest: offramp.seed=" + seed);
    Random random = new Random(seed);
    float[] weight = numbers(random, outputs * inputs, precision);
    float[] bias = numbers(random, outputs, Precision.F32);
    float[] in = numbers(random, rows * POSITIONS * inputs, precision);
    try (GpuDevice device = (GpuDevice) EmulatedGpu.open(capability, precision);
        GpuRows live = (GpuRows) device.liveRows(rows, POSITIONS);
        Buffer source = activations(device, in);
        GpuLinear map =
            (GpuLinear)
                device.linear(
                    inputs,
                    outputs,
                    MemorySegment.ofArray(weight),
                    DataType.F32,
                    MemorySegment.ofArray(bias))) {
      // The rows the other way round, the first two positions of each.
      int[] order = IntStream.range(0, rows).map(i -> rows - 1 - i).toArray();
      int[] lengths = new int[rows];
      Arrays.fill(lengths, 2);
      live.load(order, lengths, POSITIONS);
      GemmChoice choice = new GemmChoice(device.driver(), precision, null);
      List<GemmKernel> kernels = choice.kernels(inputs);
      assertThat(kernels).hasSize(capability == 90 ? 9 : 5);
      float[] first = null;
      for (GemmKernel kernel : kernels) {
        float[] untouched = new float[rows * POSITIONS * outputs];
        Arrays.fill(untouched, 5);
        try (Buffer out = activations(device, untouched)) {
          choice.launch(
              kernel,
              rows * 2,
              live.table(),
              live.capacity(),
              map,
              ((GpuBuffer) source).memory(),
              Epilogue.BIAS,
              null,
              ((GpuBuffer) out).memory());
          float[] got = read(device, out, untouched.length);
          if (first == null) {
            first = got;
            check(got, in, weight, bias, inputs, precision);
          }
          assertThat(got).as(kernel.name() + " and " + kernels.getFirst().name()).isEqualTo(first);
        }
      }
    }
  }

  private static void check(
      float[] got, float[] in, float[] weight, float[] bias, int inputs, Precision precision) {
    int outputs = bias.length;
    for (int line = 0; line < got.length / outputs; line++) {
      for (int n = 0; n < outputs; n++) {
        double expected = bias[n];
        for (int k = 0; k < inputs; k++) {
          expected += (double) in[line * inputs + k] * weight[n * inputs + k];
        }
        if (line % POSITIONS == 2) {
          expected = 5; // not a valid position
        }
        double rounding = precision == Precision.F16 ? 0x1p-11 : 0x1p-20;
        assertThat((double) got[line * outputs + n])
            .isCloseTo(expected, within(rounding * Math.max(1, Math.abs(expected))));
      }
    }
  }

  /** Numbers that the precision's factors hold exactly, between -1 and 1. */
  private static float[] numbers(Random random, int count, Precision precision) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      float number = random.nextFloat() * 2 - 1;
      numbers[i] =
          precision == Precision.F32 ? number : Float.float16ToFloat(Float.floatToFloat16(number));
    }
    return numbers;
  }

  private static Buffer activations(GpuDevice device, float[] values) {
    Buffer buffer = device.allocate(device.activations(), values.length);
    MemorySegment source = MemorySegment.ofArray(values);
    if (device.activations() == DataType.F16) {
      short[] halves = new short[values.length];
      for (int i = 0; i < halves.length; i++) {
        halves[i] = Float.floatToFloat16(values[i]);
      }
      source = MemorySegment.ofArray(halves);
    }
    device.copyIn(source, buffer, 0).await();
    return buffer;
  }

  private static float[] read(GpuDevice device, Buffer buffer, int count) {
    float[] values = new float[count];
    if (device.activations() == DataType.F32) {
      device.copyOut(buffer, 0, MemorySegment.ofArray(values)).await();
      return values;
    }
    MemorySegment halves = MemorySegment.ofArray(new short[count]);
    device.copyOut(buffer, 0, halves).await();
    for (int i = 0; i < count; i++) {
      values[i] = Float.float16ToFloat(halves.getAtIndex(ValueLayout.JAVA_SHORT, i));
    }
    return values;
  }
}
