package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Random;

/**
 * Times every matrix product's kernel of a device, and the vendor's library where it was found, on
 * the shapes of a small encoder: TFLOP/s, on random data. Arguments: device, precision, and the
 * folder that keeps compiled kernels, if any.
 */
final class GpuGemmBenchmark {
  private static final int[] TOKENS = {32, 256, 1024, 4096, 32768};
  private static final int[][] SHAPES = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}};

  private GpuGemmBenchmark() {}

  public static void main(String[] arguments) {
    Precision precision = Precision.valueOf(arguments[1]);
    Path cache = arguments.length > 2 ? Path.of(arguments[2]) : null;
    try (GpuDevice device =
        (GpuDevice) Devices.open(arguments[0], new DeviceOptions(1, precision, cache))) {
      Driver driver = device.driver();
      GemmChoice choice = new GemmChoice(driver, precision, null);
      System.out.println(device.info().description() + ", " + precision);
      for (int tokens : TOKENS) {
        if (driver.traits().processor() && tokens > 1024) {
          return;
        }
        for (int[] shape : SHAPES) {
          time(device, choice, tokens, shape[0], shape[1]);
        }
      }
    }
  }

  private static void time(
      GpuDevice device, GemmChoice choice, int tokens, int inputs, int outputs) {
    Driver driver = device.driver();
    Random random = new Random(1);
    float[] weight = new float[inputs * outputs];
    for (int i = 0; i < weight.length; i++) {
      weight[i] = random.nextFloat() - 0.5f;
    }
    Epilogue epilogue = outputs > inputs && outputs == 1536 ? Epilogue.BIAS_GELU : Epilogue.BIAS;
    Memory table = driver.allocate(4L * (4 + 4L * tokens));
    driver.launch("identity", Grid.of((tokens + 63) / 64, 64), table, tokens);
    short[] half = new short[tokens * inputs];
    float[] single = new float[tokens * inputs];
    for (int i = 0; i < half.length; i++) {
      single[i] = random.nextFloat() - 0.5f;
      half[i] = Float.floatToFloat16(single[i]);
    }
    boolean f16 = device.activations() == DataType.F16;
    try (GpuBuffer in = (GpuBuffer) device.allocate(device.activations(), (long) tokens * inputs);
        GpuBuffer out = (GpuBuffer) device.allocate(device.activations(), (long) tokens * outputs);
        GpuLinear map =
            (GpuLinear)
                device.linear(inputs, outputs, MemorySegment.ofArray(weight), DataType.F32, null)) {
      device
          .copyIn(f16 ? MemorySegment.ofArray(half) : MemorySegment.ofArray(single), in, 0)
          .await();
      StringBuilder line = new StringBuilder("%6d x %4d -> %4d".formatted(tokens, inputs, outputs));
      double flop = 2.0 * tokens * inputs * outputs;
      for (GemmKernel kernel : choice.kernels(inputs)) {
        double best =
            choice.time(() ->
                choice.launch(
                    kernel, tokens, table, tokens, map, in.memory(), epilogue, null, out.memory()));
        line.append("  %s %.2f".formatted(kernel.name().substring(5), flop / best / 1e3));
      }
      DenseProduct library = driver.denseProduct();
      if (library != null) {
        double best =
            choice.time(() ->
                library.run(
                    tokens,
                    inputs,
                    outputs,
                    map.weight(),
                    map.narrowBias(),
                    in.memory(),
                    Epilogue.BIAS,
                    null,
                    out.memory()));
        line.append("  library %.2f".formatted(flop / best / 1e3));
      }
      System.out.println(line);
    } finally {
      driver.free(table);
    }
  }
}
