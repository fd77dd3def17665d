package dev.offramp.kernels.gpu;

import com.sun.management.OperatingSystemMXBean;
import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Precision;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/**
 * Times convolutions of ResNet-56 and ResNet-50 on a device: GFLOP/s, the median of replays, on
 * random data; of a device that is a processor also for each second of processor time, which does
 * not count what other processes take. Arguments: device, precision, images, and the folder that
 * keeps compiled kernels, if any.
 */
final class GpuConvolutionBenchmark {
  private static final long MEASURE_NANOS = 400_000_000;

  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /** Side of the image, channels, outputs, kernel, stride, groups. */
  private static final int[][] LAYERS = {
    {32, 3, 16, 3, 1, 1},
    {32, 16, 16, 3, 1, 1},
    {32, 16, 32, 3, 2, 1},
    {16, 32, 32, 3, 1, 1},
    {16, 32, 64, 3, 2, 1},
    {8, 64, 64, 3, 1, 1},
    {224, 3, 64, 7, 2, 1},
    {56, 64, 64, 1, 1, 1},
    {56, 64, 64, 3, 1, 1},
    {56, 256, 128, 1, 1, 1},
    {28, 128, 128, 3, 1, 1},
    {28, 512, 1024, 1, 2, 1},
    {14, 256, 256, 3, 1, 1},
    {7, 512, 512, 3, 1, 1},
    {7, 2048, 512, 1, 1, 1},
    {28, 256, 256, 3, 1, 32},
    {28, 128, 128, 3, 1, 128},
  };

  private GpuConvolutionBenchmark() {}

  public static void main(String[] arguments) {
    Precision precision = Precision.valueOf(arguments[1]);
    int images = Integer.parseInt(arguments[2]);
    Path cache = arguments.length > 3 ? Path.of(arguments[3]) : null;
    try (GpuDevice device =
        (GpuDevice) Devices.open(arguments[0], new DeviceOptions(1, precision, cache))) {
      System.out.printf(
          "%s, %s, peak %.0f GFLOP/s%n",
          device.info().description(), precision, device.measurePeakGflops());
      for (int[] layer : LAYERS) {
        ConvolutionShape shape =
            new ConvolutionShape(
                new ImageShape(layer[0], layer[0], layer[1]),
                layer[2],
                layer[3],
                layer[4],
                layer[3] / 2,
                layer[5]);
        time(device, shape, images);
      }
    }
  }

  private static void time(GpuDevice device, ConvolutionShape shape, int images) {
    Random random = new Random(1);
    float[] weight = new float[shape.outputs() * shape.depth()];
    for (int i = 0; i < weight.length; i++) {
      weight[i] = random.nextFloat() - 0.5f;
    }
    int[] rows = new int[images];
    Arrays.setAll(rows, i -> i);
    int[] lengths = new int[images];
    Arrays.fill(lengths, 1);
    try (Convolution map =
            device.convolution(shape, MemorySegment.ofArray(weight), DataType.F32, null);
        LiveRows live = device.liveRows(images, 1);
        Buffer in = activations(device, random, images * shape.in().elements());
        Buffer out =
            device.allocate(device.activations(), (long) images * shape.out().elements())) {
      live.load(rows, lengths, 1);
      Runnable replay =
          () -> {
            device.convolve(live, map, in, Epilogue.BIAS_RELU, null, out);
            device.driver().mark().finish();
          };
      replay.run();
      long start = System.nanoTime();
      replay.run();
      int replays = (int) Math.clamp(MEASURE_NANOS / (System.nanoTime() - start), 5, 1000);
      double[] nanos = new double[replays];
      long used = SYSTEM.getProcessCpuTime();
      for (int i = 0; i < replays; i++) {
        start = System.nanoTime();
        replay.run();
        nanos[i] = System.nanoTime() - start;
      }
      double processor = (double) (SYSTEM.getProcessCpuTime() - used) / replays;
      Arrays.sort(nanos);
      System.out.printf(
          "%s -> %d, kernel %d/%d, groups %d: %.1f GFLOP/s, %.0f us; %.1f a processor%n",
          shape.in(),
          shape.outputs(),
          shape.kernel(),
          shape.stride(),
          shape.groups(),
          images * shape.flops() / nanos[replays / 2],
          nanos[replays / 2] / 1000,
          images * shape.flops() / processor);
    }
  }

  private static Buffer activations(GpuDevice device, Random random, int elements) {
    Buffer buffer = device.allocate(device.activations(), elements);
    float[] single = new float[elements];
    short[] half = new short[elements];
    for (int i = 0; i < elements; i++) {
      single[i] = random.nextFloat() - 0.5f;
      half[i] = Float.floatToFloat16(single[i]);
    }
    boolean f16 = device.activations() == DataType.F16;
    device
        .copyIn(f16 ? MemorySegment.ofArray(half) : MemorySegment.ofArray(single), buffer, 0)
        .await();
    return buffer;
  }
}
