package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Recording;
import dev.offramp.kernels.jvm.Replay.Blocking;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/**
 * Time of a recording of MiniLM's shape replayed operation by operation and in blocks of several
 * sizes, in turn, on the same buffers.
 *
 * <p>{@code mvn -pl kernels test-compile exec:exec@recording-benchmark}. Ratios are medians of the
 * ratios within a round, since the machine may have other work. Arguments, all optional: threads,
 * rounds, batches and block sizes in tokens, lists with commas.
 */
final class RecordingBenchmark implements AutoCloseable {
  private static final int LAYERS = 6;
  private static final int WIDTH = 384;
  private static final int HEADS = 12;
  private static final int INNER = 1536;
  private static final int POSITIONS = 32;
  private static final int WHOLE = Integer.MAX_VALUE;
  private static final long WARM_UP_NANOS = 3_000_000_000L;

  private final Random random = new Random(1);
  private final JvmDevice device;
  private final LongSupplier clock;
  private final LiveRows rows;
  private final Buffer hidden;
  private final Recording recording;

  private RecordingBenchmark(int threads, int capacity) {
    device = new JvmDevice(new DeviceOptions(threads));
    // One thread's own time does not count what other processes take from it.
    clock =
        threads == 1
            ? ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime
            : System::nanoTime;
    rows = device.liveRows(capacity, POSITIONS);
    int tokens = capacity * POSITIONS;
    hidden = device.allocate(DataType.F32, (long) tokens * WIDTH);
    Buffer wide = device.allocate(DataType.F32, (long) tokens * INNER);
    Buffer context = device.allocate(DataType.F32, (long) tokens * WIDTH);
    Buffer attended = device.allocate(DataType.F32, (long) tokens * WIDTH);
    Normalization norm = new Normalization(upload(ones()), upload(new float[WIDTH]), 1e-12f);
    List<Runnable> operations = new ArrayList<>();
    for (int layer = 0; layer < LAYERS; layer++) {
      Linear qkv = linear(WIDTH, 3 * WIDTH);
      Linear output = linear(WIDTH, WIDTH);
      Linear up = linear(WIDTH, INNER);
      Linear down = linear(INNER, WIDTH);
      operations.add(() -> {
        device.gemm(rows, qkv, hidden, Epilogue.BIAS, null, wide);
        device.attention(rows, HEADS, WIDTH / HEADS, wide, context);
        device.gemm(rows, output, context, Epilogue.BIAS_RESIDUAL, hidden, attended);
        device.layerNorm(rows, norm, attended, attended);
        device.gemm(rows, up, attended, Epilogue.BIAS_GELU, null, wide);
        device.gemm(rows, down, wide, Epilogue.BIAS_RESIDUAL, attended, hidden);
        device.layerNorm(rows, norm, hidden, hidden);
      });
    }
    recording = device.record(() -> operations.forEach(Runnable::run));
  }

  private static float[] ones() {
    float[] ones = new float[WIDTH];
    Arrays.fill(ones, 1);
    return ones;
  }

  private float[] numbers(int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * scale);
    }
    return values;
  }

  private Buffer upload(float[] values) {
    Buffer buffer = device.allocate(DataType.F32, values.length);
    device.copyIn(MemorySegment.ofArray(values), buffer, 0).await();
    return buffer;
  }

  private Linear linear(int inputs, int outputs) {
    float[] weight = numbers(inputs * outputs, Math.sqrt(3.0 / inputs));
    return device.linear(inputs, outputs, MemorySegment.ofArray(weight), DataType.F32, null);
  }

  private void load(int batch, boolean odd) {
    int[] lengths =
        IntStream.range(0, batch)
            .map(i -> odd ? 1 + random.nextInt(POSITIONS) : POSITIONS)
            .toArray();
    rows.load(IntStream.range(0, batch).toArray(), lengths, POSITIONS);
    float[] start = numbers(batch * POSITIONS * WIDTH, 1);
    device.copyIn(MemorySegment.ofArray(start), hidden, 0).await();
  }

  private double millis(int blockTokens) {
    device.blocking(
        blockTokens == WHOLE ? Blocking.NONE : new Blocking(blockTokens, Blocking.USUAL.slack()));
    long start = clock.getAsLong();
    recording.replay();
    return (clock.getAsLong() - start) / 1e6;
  }

  private void measure(int batch, boolean odd, int rounds, int[] ways) {
    load(batch, odd);
    long start = System.nanoTime();
    for (int i = 0; i < 3 || System.nanoTime() - start < WARM_UP_NANOS; i++) {
      millis(ways[i % ways.length]);
    }
    double[][] millis = new double[ways.length][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < ways.length; i++) {
        int way = (round + i) % ways.length;
        millis[way][round] = millis(ways[way]);
      }
    }
    double[] whole = millis[0];
    for (int way = 0; way < ways.length; way++) {
      double[] those = millis[way];
      System.out.printf(
          Locale.ROOT,
          "%5d  %-8s  %-9s  %8.2f  %8.2f  %6.3f%n",
          batch,
          odd ? "1 to " + POSITIONS : POSITIONS,
          ways[way] == WHOLE ? "whole" : ways[way],
          median(those.clone()),
          Arrays.stream(those).min().orElseThrow(),
          median(IntStream.range(0, rounds).mapToDouble(r -> whole[r] / those[r]).toArray()));
    }
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  @Override
  public void close() {
    device.close();
  }

  private static int[] list(String[] args, int index, int... otherwise) {
    return args.length <= index
        ? otherwise
        : Arrays.stream(args[index].split(",")).mapToInt(Integer::parseInt).toArray();
  }

  public static void main(String[] args) {
    int threads = list(args, 0, Runtime.getRuntime().availableProcessors())[0];
    int rounds = list(args, 1, 41)[0];
    int[] batches = list(args, 2, 8, 16, 32, 128);
    int[] blocks = list(args, 3, 96, Blocking.USUAL.tokens(), 192);
    int[] ways = IntStream.concat(IntStream.of(WHOLE), Arrays.stream(blocks)).toArray();
    System.out.printf("%d threads, medians of %d rounds%n", threads, rounds);
    System.out.println("batch  lengths   block      median ms   best ms   whole / this");
    for (int batch : batches) {
      try (var benchmark = new RecordingBenchmark(threads, batch)) {
        benchmark.measure(batch, false, rounds, ways);
        benchmark.measure(batch, true, rounds, ways);
      }
    }
  }
}
