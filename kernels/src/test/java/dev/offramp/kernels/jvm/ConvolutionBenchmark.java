package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/**
 * Throughput of convolutions as ResNet-20, ResNet-56 and ResNet-50 have them, beside the machine's
 * measured peak.
 *
 * <p>{@code mvn -pl kernels test-compile exec:exec@convolution-benchmark}. The batches of a layer
 * take turns. One thread is measured in its own processor time, several in wall-clock time: there
 * the best of many short runs counts beside the median, since the machine may have other work.
 * Arguments, all optional: threads, rounds, batches, a list with commas, and what a layer's name
 * must contain.
 */
final class ConvolutionBenchmark implements AutoCloseable {
  private static final long WARM_UP_NANOS = 500_000_000;
  private static final long SAMPLE_NANOS = 4_000_000;

  private record Layer(String name, ConvolutionShape shape, Epilogue epilogue) {}

  private static final Layer[] LAYERS = {
    layer("cifar stem", 32, 3, 16, 3, 1),
    residual("cifar 1", 32, 16),
    layer("cifar 2 first", 32, 16, 32, 3, 2),
    residual("cifar 2", 16, 32),
    layer("cifar 3 first", 16, 32, 64, 3, 2),
    residual("cifar 3", 8, 64),
    layer("imagenet stem", 224, 3, 64, 7, 2),
    layer("imagenet 1 in", 56, 256, 64, 1, 1),
    layer("imagenet 1", 56, 64, 64, 3, 1),
    layer("imagenet 1 out", 56, 64, 256, 1, 1),
    layer("imagenet 2 in", 28, 512, 128, 1, 1),
    layer("imagenet 2 first", 56, 128, 128, 3, 2),
    layer("imagenet 2", 28, 128, 128, 3, 1),
    layer("imagenet 2 out", 28, 128, 512, 1, 1),
    layer("imagenet 2 shortcut", 56, 256, 512, 1, 2),
    layer("imagenet 3", 14, 256, 256, 3, 1),
    layer("imagenet 3 out", 14, 256, 1024, 1, 1),
    layer("imagenet 4 in", 7, 2048, 512, 1, 1),
    layer("imagenet 4", 7, 512, 512, 3, 1),
    layer("imagenet 4 out", 7, 512, 2048, 1, 1),
  };

  private final Random random = new Random(1);
  private final int threads;
  private final JvmDevice device;
  private final LongSupplier clock;
  private final double peak;

  private ConvolutionBenchmark(int threads) {
    this.threads = threads;
    device = new JvmDevice(new DeviceOptions(threads));
    // One thread's own time does not count what other processes take from it.
    clock =
        threads == 1
            ? ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime
            : System::nanoTime;
    peak = device.measurePeakGflops();
  }

  private static Layer layer(String name, int size, int in, int out, int kernel, int stride) {
    ImageShape image = new ImageShape(size, size, in);
    return new Layer(name, ConvolutionShape.same(image, out, kernel, stride), Epilogue.BIAS_RELU);
  }

  private static Layer residual(String name, int size, int channels) {
    ImageShape image = new ImageShape(size, size, channels);
    return new Layer(
        name, ConvolutionShape.same(image, channels, 3, 1), Epilogue.BIAS_RESIDUAL_RELU);
  }

  private void measure(Layer layer, int[] batches, int rounds) {
    ConvolutionShape shape = layer.shape;
    int most = IntStream.of(batches).max().orElseThrow();
    float[] weight = numbers(shape.depth() * shape.outputs());
    try (LiveRows rows = device.liveRows(most, 1);
        Convolution map =
            device.convolution(shape, MemorySegment.ofArray(weight), DataType.F32, null);
        Buffer in = device.allocate(DataType.F32, (long) most * shape.in().elements());
        Buffer out = device.allocate(DataType.F32, (long) most * shape.out().elements())) {
      float[] image = numbers(shape.in().elements());
      for (int row = 0; row < most; row++) {
        device.copyIn(MemorySegment.ofArray(image), in, (long) row * image.length);
      }
      Buffer residual = layer.epilogue.addsResidual() ? in : null;
      Runnable convolve = () -> device.convolve(rows, map, in, layer.epilogue, residual, out);
      int[] calls = new int[batches.length];
      for (int i = 0; i < batches.length; i++) {
        load(rows, batches[i]);
        calls[i] = warmUp(convolve);
      }
      double[][] nanos = new double[batches.length][rounds];
      for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < batches.length; i++) {
          load(rows, batches[i]);
          long start = clock.getAsLong();
          for (int call = 0; call < calls[i]; call++) {
            convolve.run();
          }
          nanos[i][round] = (double) (clock.getAsLong() - start) / calls[i];
        }
      }
      for (int i = 0; i < batches.length; i++) {
        Arrays.sort(nanos[i]);
        double flops = shape.flops() * batches[i];
        double median = flops / nanos[i][rounds / 2];
        double best = flops / nanos[i][0];
        System.out.printf(
            Locale.ROOT,
            "%-20s %-12s %4d %d/%d  %5d  %7.1f %4.2f  %7.1f %4.2f%n",
            layer.name,
            shape.in(),
            shape.outputs(),
            shape.kernel(),
            shape.stride(),
            batches[i],
            median,
            median / peak,
            best,
            best / peak);
      }
    }
  }

  private static void load(LiveRows rows, int batch) {
    int[] lengths = new int[batch];
    Arrays.fill(lengths, 1);
    rows.load(IntStream.range(0, batch).toArray(), lengths, 1);
  }

  /** Runs until compiled; returns how many calls a sample should have. */
  private static int warmUp(Runnable convolve) {
    long start = System.nanoTime();
    int calls = 0;
    while (calls < 3 || System.nanoTime() - start < WARM_UP_NANOS) {
      convolve.run();
      calls++;
    }
    return (int) Math.max(1, calls * SAMPLE_NANOS / (System.nanoTime() - start));
  }

  private float[] numbers(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  @Override
  public void close() {
    device.close();
  }

  public static void main(String[] args) {
    int processors = Runtime.getRuntime().availableProcessors();
    int threads = args.length > 0 ? Integer.parseInt(args[0]) : processors;
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 51;
    int[] batches =
        args.length > 2
            ? Arrays.stream(args[2].split(",")).mapToInt(Integer::parseInt).toArray()
            : new int[] {1, 8, 32, 128};
    String part = args.length > 3 ? args[3] : "";
    try (var benchmark = new ConvolutionBenchmark(threads)) {
      System.out.println(benchmark.device.info());
      System.out.printf(
          Locale.ROOT,
          "%d threads, peak %.1f GFLOP/s, %d rounds%n",
          benchmark.threads,
          benchmark.peak,
          rounds);
      System.out.println(
          "layer                in           out  k/s  batch   median  of peak     best  of peak");
      for (Layer layer : LAYERS) {
        if (layer.name.contains(part)) {
          benchmark.measure(layer, batches, rounds);
        }
      }
    }
  }
}
