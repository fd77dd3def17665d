package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Random;

/**
 * The driver on a machine with a CUDA GPU: what fakecuda.c cannot show. Prints a line a check and
 * ends with 1 if one failed. Takes a cache folder, if any.
 *
 * <pre>java -cp kernels/target/classes:kernels/target/test-classes
 *     --enable-native-access=ALL-UNNAMED dev.offramp.kernels.cuda.CudaCheck [FOLDER]</pre>
 *
 * With {@code -Dofframp.cuda.products=library} it checks cuBLASLt's products too.
 */
final class CudaCheck {
  private static final int CAPACITY = 700;
  private static final int POSITIONS = 19;

  private static int failed;

  private CudaCheck() {}

  public static void main(String[] arguments) {
    Path cache = arguments.length > 0 ? Path.of(arguments[0]) : null;
    System.out.println(CudaDevices.probe());
    for (Precision precision : Precision.values()) {
      long start = System.nanoTime();
      try (CudaDriver driver = CudaDevices.openDriver(0, new DeviceOptions(1, precision, cache))) {
        System.out.printf(
            "%s: %s, opened in %d ms%n", precision, driver.info(), millisSince(start));
        check(
            "probing says what opening does",
            CudaDevices.probe()
                .getFirst()
                .info()
                .description()
                .equals(driver.info().description()));
        compaction(driver);
        memory(driver);
        if (driver.denseProduct() != null) {
          products(driver);
        }
        overhead(driver);
      } catch (DeviceException e) {
        e.printStackTrace();
        check("opening with " + precision, false);
      }
    }
    System.out.println(failed == 0 ? "all passed" : failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }

  /** The kernels that make the table of live rows smaller, launched directly and as a graph. */
  private static void compaction(CudaDriver driver) {
    Random random = new Random(1);
    int[] table = new int[4 + 3 * CAPACITY + CAPACITY * POSITIONS];
    float[] scores = new float[CAPACITY];
    table[0] = CAPACITY;
    table[2] = POSITIONS;
    for (int i = 0; i < CAPACITY; i++) {
      table[4 + i] = i;
      table[4 + CAPACITY + i] = 1 + random.nextInt(POSITIONS);
      scores[i] = i % 50 == 0 ? Float.NaN : random.nextFloat();
    }
    try (Pinned tablePinned = driver.pinned(4L * table.length);
        Pinned scoresPinned = driver.pinned(4L * CAPACITY)) {
      Memory live = driver.allocate(4L * table.length);
      Memory score = driver.allocate(4L * CAPACITY);
      MemorySegment.copy(scores, 0, scoresPinned.segment(), ValueLayout.JAVA_FLOAT, 0, CAPACITY);
      driver.beginCapture();
      driver.launch("compact", Grid.of(1, 256), live, CAPACITY, score, 0, 0.5f, 0);
      driver.launch("list_tokens", Grid.of(CAPACITY, 32), live, CAPACITY);
      Captured captured = driver.endCapture();
      for (boolean graph : new boolean[] {false, true}) {
        MemorySegment.copy(table, 0, tablePinned.segment(), ValueLayout.JAVA_INT, 0, table.length);
        driver.write(tablePinned.segment(), live, 0);
        driver.write(scoresPinned.segment(), score, 0);
        if (graph) {
          captured.launch();
        } else {
          driver.launch("compact", Grid.of(1, 256), live, CAPACITY, score, 0, 0.5f, 0);
          driver.launch("list_tokens", Grid.of(CAPACITY, 32), live, CAPACITY);
        }
        driver.read(live, 0, tablePinned.segment());
        await(driver);
        check(
            graph ? "compaction as a graph" : "compaction",
            compacted(table, scores, tablePinned.segment()));
      }
      captured.close();
      driver.free(live);
      driver.free(score);
    }
  }

  private static boolean compacted(int[] table, float[] scores, MemorySegment got) {
    int count = 0;
    int tokens = 0;
    for (int i = 0; i < CAPACITY; i++) {
      if (!(scores[i] > 0.5f)) {
        int length = table[4 + CAPACITY + i];
        boolean same =
            at(got, 4 + count) == i
                && at(got, 4 + CAPACITY + count) == length
                && at(got, 4 + 2 * CAPACITY + count) == tokens;
        for (int p = 0; p < length; p++) {
          same &= at(got, 4 + 3 * CAPACITY + tokens + p) == i * POSITIONS + p;
        }
        if (!same) {
          return false;
        }
        count++;
        tokens += length;
      }
    }
    return at(got, 0) == count && at(got, 1) == tokens;
  }

  private static int at(MemorySegment ints, int index) {
    return ints.getAtIndex(ValueLayout.JAVA_INT, index);
  }

  private static void memory(CudaDriver driver) {
    try {
      driver.allocate(1L << 46);
      check("more memory than there is", false);
    } catch (DeviceException e) {
      System.out.println("  " + e.getMessage());
      check("more memory than there is", e.getMessage().contains("CUDA_ERROR_OUT_OF_MEMORY"));
    }
    long start = System.nanoTime();
    for (int i = 0; i < 1000; i++) {
      driver.free(driver.allocate(1 << 20));
    }
    System.out.printf("  allocate + free: %.1f us%n", (System.nanoTime() - start) / 1e6);
    try (Pinned pinned = driver.pinned(16)) {
      Memory memory = driver.allocate(64);
      pinned.segment().fill((byte) 0x55);
      driver.write(pinned.segment(), memory, 32);
      driver.zero(memory, 36, 8);
      pinned.segment().fill((byte) 0);
      driver.read(memory, 32, pinned.segment());
      await(driver);
      check(
          "write, zero, read",
          pinned.segment().get(ValueLayout.JAVA_LONG, 0) == 0x55555555L
              && pinned.segment().get(ValueLayout.JAVA_LONG, 8) == 0x55555555L << 32);
      driver.free(memory);
    }
  }

  /** Products against sums in double precision; the first of each shape is in a capture. */
  private static void products(CudaDriver driver) {
    Precision precision = driver.info().precision();
    // Rounding of the result, of TF32's factors, or of sums in another order.
    double tolerance =
        switch (precision) {
          case F32 -> 1e-4;
          case TF32 -> 2e-2;
          case F16 -> 1e-2;
        };
    for (int rows : new int[] {1, 7, 512, 1031}) {
      for (Epilogue epilogue :
          new Epilogue[] {Epilogue.BIAS, Epilogue.BIAS_RELU, Epilogue.BIAS_RESIDUAL}) {
        double error = product(driver, precision, rows, 384, 1536, epilogue);
        check(
            "product of %d rows, %s: error %.2g".formatted(rows, epilogue, error),
            error < tolerance);
      }
    }
  }

  private static double product(
      CudaDriver driver,
      Precision precision,
      int rows,
      int inputs,
      int outputs,
      Epilogue epilogue) {
    Random random = new Random(rows);
    float[] weight = numbers(random, outputs * inputs);
    float[] bias = numbers(random, outputs);
    float[] in = numbers(random, rows * inputs);
    float[] residual = numbers(random, rows * outputs);
    Memory deviceWeight = upload(driver, precision, weight);
    Memory deviceBias = upload(driver, precision, bias);
    Memory deviceIn = upload(driver, precision, in);
    Memory out = upload(driver, precision, residual);
    boolean adds = epilogue.addsResidual();
    DenseProduct product = driver.denseProduct();
    driver.beginCapture();
    product.run(
        rows,
        inputs,
        outputs,
        deviceWeight,
        deviceBias,
        deviceIn,
        epilogue,
        adds ? out : null,
        out);
    try (Captured captured = driver.endCapture()) {
      captured.launch();
    }
    float[] got = download(driver, precision, out, rows * outputs);
    double error = 0;
    for (int i = 0; i < got.length; i += 1 + random.nextInt(50)) {
      int row = i / outputs;
      int output = i % outputs;
      double sum = bias[output] + (adds ? residual[i] : 0);
      for (int k = 0; k < inputs; k++) {
        sum += (double) weight[output * inputs + k] * in[row * inputs + k];
      }
      sum = epilogue == Epilogue.BIAS_RELU ? Math.max(0, sum) : sum;
      error = Math.max(error, Math.abs(sum - got[i]) / Math.max(1, Math.abs(sum)));
    }
    for (Memory memory : new Memory[] {deviceWeight, deviceBias, deviceIn, out}) {
      driver.free(memory);
    }
    return error;
  }

  /** In [-1, 1), exact in F16. */
  private static float[] numbers(Random random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = Float.float16ToFloat(Float.floatToFloat16(2 * random.nextFloat() - 1));
    }
    return numbers;
  }

  private static Memory upload(CudaDriver driver, Precision precision, float[] numbers) {
    Memory memory = driver.allocate((long) numbers.length * precision.activations().bytes());
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      for (int i = 0; i < numbers.length; i++) {
        if (precision == Precision.F16) {
          pinned.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(numbers[i]));
        } else {
          pinned.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, numbers[i]);
        }
      }
      driver.write(pinned.segment(), memory, 0);
    }
    return memory;
  }

  private static float[] download(
      CudaDriver driver, Precision precision, Memory memory, int count) {
    float[] numbers = new float[count];
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      driver.read(memory, 0, pinned.segment());
      await(driver);
      for (int i = 0; i < count; i++) {
        numbers[i] =
            precision == Precision.F16
                ? Float.float16ToFloat(pinned.segment().getAtIndex(ValueLayout.JAVA_SHORT, i))
                : pinned.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      }
    }
    return numbers;
  }

  /** What a launch costs the host, directly and in a graph of a hundred. */
  private static void overhead(CudaDriver driver) {
    Memory live = driver.allocate(4096);
    driver.zero(live, 0, 4096);
    driver.beginCapture();
    for (int i = 0; i < 100; i++) {
      driver.launch("list_tokens", Grid.of(1, 32), live, 1);
    }
    Captured captured = driver.endCapture();
    for (int round = 0; round < 3; round++) {
      long start = System.nanoTime();
      for (int i = 0; i < 10_000; i++) {
        driver.launch("list_tokens", Grid.of(1, 32), live, 1);
      }
      await(driver);
      double direct = (System.nanoTime() - start) / 1e7;
      start = System.nanoTime();
      for (int i = 0; i < 100; i++) {
        captured.launch();
      }
      await(driver);
      double graph = (System.nanoTime() - start) / 1e7;
      start = System.nanoTime();
      for (int i = 0; i < 1000; i++) {
        driver.launch("list_tokens", Grid.of(1, 32), live, 1);
        await(driver);
      }
      System.out.printf(
          "  a launch: %.2f us, in a graph %.2f us; launch, mark and await: %.1f us%n",
          direct, graph, (System.nanoTime() - start) / 1e6);
    }
    captured.close();
    driver.free(live);
  }

  private static void await(CudaDriver driver) {
    try (Mark mark = driver.mark()) {
      mark.await();
    }
  }

  private static long millisSince(long start) {
    return (System.nanoTime() - start) / 1_000_000;
  }

  private static void check(String what, boolean passed) {
    System.out.println((passed ? "  ok      " : "  FAILED  ") + what);
    failed += passed ? 0 : 1;
  }
}
