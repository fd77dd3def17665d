package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Precision;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Every size of a product's kernel that a device has, against sums in double, and that a row's bits
 * do not tell which of them ran (docs/decisions/0002). The self-test runs only those that are
 * chosen. Arguments: device, precision; ends with 1 at the first that differs.
 */
final class ProductsCheck {
  private static final int POSITIONS = 3;

  private static final int[][] SHAPES = {
    {1, 8, 7}, {7, 128, 127}, {50, 200, 300}, {129, 72, 129}, {341, 384, 1152}, {700, 1536, 384}
  };

  private ProductsCheck() {}

  public static void main(String[] arguments) {
    Precision precision = Precision.valueOf(arguments[1]);
    long seed = Long.getLong("offramp.seed", System.nanoTime());
    try (GpuDevice device =
        (GpuDevice) Devices.open(arguments[0], new DeviceOptions(1, precision, null))) {
      System.out.println(device.info().description() + ", " + precision + ", offramp.seed=" + seed);
      for (int[] s : SHAPES) {
        int kernels = agree(device, seed, s[0], s[1], s[2]);
        System.out.printf("%d rows, %d to %d: %d kernels agree%n", s[0], s[1], s[2], kernels);
      }
    } catch (AssertionError e) {
      System.out.println(e.getMessage());
      System.exit(1);
    }
  }

  /**
   * One product by every kernel.
   *
   * @return the number of kernels
   * @throws AssertionError if one is wrong, or they differ in a bit
   */
  static int agree(GpuDevice device, long seed, int rows, int inputs, int outputs) {
    Precision precision = device.info().precision();
    Random random = new Random(seed);
    float[] weight = numbers(random, outputs * inputs, precision);
    float[] bias = numbers(random, outputs, Precision.F32);
    float[] in = numbers(random, rows * POSITIONS * inputs, precision);
    try (GpuRows live = (GpuRows) device.liveRows(rows, POSITIONS);
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
          check(kernel.name(), got, in, weight, bias, inputs, precision);
          first = first == null ? got : first;
          int differs = Arrays.mismatch(got, first);
          if (differs >= 0) {
            throw new AssertionError(
                "%s and %s differ at line %d, output %d of %d rows, %d to %d"
                    .formatted(
                        kernel.name(),
                        kernels.getFirst().name(),
                        differs / outputs,
                        differs % outputs,
                        rows,
                        inputs,
                        outputs));
          }
        }
      }
      return kernels.size();
    }
  }

  private static void check(
      String kernel,
      float[] got,
      float[] in,
      float[] weight,
      float[] bias,
      int inputs,
      Precision precision) {
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
        double value = got[line * outputs + n];
        // The result's own rounding, and that of sums in float of so many products.
        double rounding = (precision == Precision.F16 ? 0x1p-11 : 0) + 0x1p-22 * (16 + inputs);
        if (!(Math.abs(value - expected) <= rounding * Math.max(1, Math.abs(expected)))) {
          throw new AssertionError(
              "%s: %s instead of %s at line %d, output %d"
                  .formatted(kernel, value, expected, line, n));
        }
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
