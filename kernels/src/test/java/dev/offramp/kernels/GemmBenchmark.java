package dev.offramp.kernels;

import dev.offramp.kernels.jvm.JvmDevice;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * Throughput of the GEMM on the shapes of a MiniLM layer, beside the machine's measured peak.
 *
 * <p>{@code mvn -pl kernels test-compile exec:exec@gemm-benchmark}. One thread is measured in its
 * own processor time, several in wall-clock time: there the best of many short runs counts beside
 * the median, since the machine may have other work.
 */
final class GemmBenchmark {
  private static final int[] TOKENS = {32, 256, 1024, 4096};
  private static final int[][] SHAPES = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}};
  private static final long WARM_UP_NANOS = 400_000_000;
  private static final long MEASURE_NANOS = 600_000_000;

  public static void main(String[] args) {
    System.out.println(Devices.probe().getFirst().info());
    for (int threads : new int[] {1, Runtime.getRuntime().availableProcessors()}) {
      // One thread's own time does not count what other processes take from it.
      LongSupplier clock =
          threads == 1
              ? ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime
              : System::nanoTime;
      double peak = JvmDevice.measuredPeakGflops(threads);
      print("%n%d threads, peak %.1f GFLOP/s%n", threads, peak);
      print("tokens  in -> out    epilogue      best       median     best us%n");
      try (Device device = Devices.open("jvm", new DeviceOptions(threads))) {
        for (int tokens : TOKENS) {
          for (int[] shape : SHAPES) {
            Epilogue epilogue = shape[1] == 1536 ? Epilogue.BIAS_GELU : Epilogue.BIAS;
            measure(device, clock, tokens, shape[0], shape[1], epilogue, peak);
          }
        }
      }
    }
  }

  private static void measure(
      Device device,
      LongSupplier clock,
      int tokens,
      int inputs,
      int outputs,
      Epilogue epilogue,
      double peak) {
    Rig rig = new Rig(device, 1);
    Batch batch = Batch.full(tokens / 32, 32);
    LiveRows rows = batch.load(rig);
    Linear map = rig.linear(inputs, outputs, rig.weight(inputs, outputs), new float[outputs]);
    Buffer in = rig.upload(batch.activations(rig.random, inputs));
    Buffer out = rig.upload(new float[tokens * outputs]);
    Runnable gemm = () -> device.gemm(rows, map, in, epilogue, null, out);

    long start = System.nanoTime();
    int calls = 0;
    while (System.nanoTime() - start < WARM_UP_NANOS) {
      gemm.run();
      calls++;
    }
    // Samples of about a millisecond: a busy machine leaves some of them undisturbed.
    int perSample = (int) Math.max(1, calls * 1_000_000L / WARM_UP_NANOS);
    double[] nanos = new double[(int) Math.max(5, MEASURE_NANOS / 1_000_000)];
    int samples = 0;
    start = System.nanoTime();
    while (samples < 5 || (samples < nanos.length && System.nanoTime() - start < MEASURE_NANOS)) {
      long begin = clock.getAsLong();
      for (int i = 0; i < perSample; i++) {
        gemm.run();
      }
      nanos[samples++] = (double) (clock.getAsLong() - begin) / perSample;
    }
    Arrays.sort(nanos, 0, samples);
    double flop = 2.0 * tokens * inputs * outputs;
    double best = flop / nanos[0];
    double median = flop / nanos[samples / 2];
    print(
        "%6d  %4d -> %4d  %-9s  %6.1f %3.0f%%  %6.1f %3.0f%%  %8.1f%n",
        tokens,
        inputs,
        outputs,
        epilogue,
        best,
        100 * best / peak,
        median,
        100 * median / peak,
        nanos[0] / 1000);
    rig.closeOpened();
  }

  private static void print(String format, Object... values) {
    System.out.printf(Locale.ROOT, format, values);
  }
}
