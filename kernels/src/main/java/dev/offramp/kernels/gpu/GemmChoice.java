package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * Runs matrix products with the kernel that was fastest on this device for about as many positions
 * and just these inputs and outputs. That is measured when such a product first comes up, and kept
 * in the cache folder of the options where there is one.
 */
final class GemmChoice {
  private static final String LIBRARY = "library";
  private static final int REPEATS = 5;
  private static final long ENOUGH_NANOS = 30_000_000;
  private static final long MOST_BYTES = 512L << 20;

  private final Driver driver;
  private final Precision precision;
  private final Path file; // null where nothing is kept
  private final Map<Shape, String> chosen = new HashMap<>();
  private final Properties kept = new Properties();

  /** What a choice is made for; tokens is a power of two. */
  private record Shape(int tokens, int inputs, int outputs, boolean dense) {
    String key() {
      return tokens + "." + inputs + "." + outputs + (dense ? ".dense" : "");
    }
  }

  GemmChoice(Driver driver, Precision precision, Path cache) {
    this.driver = driver;
    this.precision = precision;
    file = cache == null ? null : cache.resolve(fileName());
    if (file != null && Files.exists(file)) {
      try (Reader reader = Files.newBufferedReader(file)) {
        kept.load(reader);
      } catch (IOException | IllegalArgumentException e) {
        kept.clear(); // Measured anew and overwritten.
      }
    }
  }

  /** The description names device, driver and libraries: any change of them asks anew. */
  private String fileName() {
    String text = driver.info().description() + precision + GemmKernel.BY_NAME.keySet();
    return "gemm-%016x.properties"
        .formatted(text.chars().asLongStream().reduce(17, (h, c) -> h * 1_000_003 + c));
  }

  /** Queues out = epilogue(W in + b) for the live positions. */
  void run(
      Bounds bounds,
      GpuRows rows,
      GpuLinear map,
      Memory in,
      Epilogue epilogue,
      Memory residual,
      Memory out) {
    DenseProduct library = driver.denseProduct();
    boolean dense = library != null && bounds.dense() && fits(map, epilogue);
    String choice = choose(bounds.tokens(), map, dense);
    if (choice.equals(LIBRARY)) {
      library.run(
          bounds.tokens(),
          map.inputs(),
          map.outputs(),
          map.weight(),
          map.narrowBias(),
          in,
          epilogue,
          residual,
          out);
    } else {
      launch(
          GemmKernel.BY_NAME.get(choice),
          bounds.tokens(),
          rows.table(),
          rows.capacity(),
          map,
          in,
          epilogue,
          residual,
          out);
    }
  }

  /** Libraries only approximate GELU, and want lines aligned. */
  private static boolean fits(GpuLinear map, Epilogue epilogue) {
    return epilogue != Epilogue.BIAS_GELU && map.inputs() % 8 == 0 && map.outputs() % 8 == 0;
  }

  void launch(
      GemmKernel kernel,
      int tokens,
      Memory table,
      int capacity,
      GpuLinear map,
      Memory in,
      Epilogue epilogue,
      Memory residual,
      Memory out) {
    int units = driver.info().computeUnits();
    List<Object> arguments =
        new ArrayList<>(
            Arrays.asList(
                table,
                capacity,
                map.inputs(),
                map.outputs(),
                epilogue.ordinal(),
                map.weight(),
                map.bias(),
                in,
                residual,
                out));
    if (kernel.kind() == GemmKernel.Kind.VECTOR) {
      arguments.add(kernel.stride(tokens, map.outputs(), units));
    }
    driver.launch(
        kernel.name(),
        kernel.grid(driver.traits(), tokens, map.outputs(), units),
        arguments.toArray());
  }

  List<GemmKernel> kernels(int inputs) {
    return GemmKernel.of(driver.traits(), precision, inputs);
  }

  private String choose(int tokens, GpuLinear map, boolean dense) {
    Shape shape =
        new Shape(
            tokens <= 1 ? 1 : Integer.highestOneBit(tokens - 1) * 2,
            map.inputs(),
            map.outputs(),
            dense);
    String choice = chosen.get(shape);
    if (choice == null) {
      List<GemmKernel> kernels = kernels(map.inputs());
      choice = kept.getProperty(shape.key());
      boolean known =
          choice != null
              && (choice.equals(LIBRARY)
                  ? dense
                  : kernels.contains(GemmKernel.BY_NAME.get(choice)));
      if (!known) {
        choice = measure(kernels, shape, map);
        kept.setProperty(shape.key(), choice);
        keep();
      }
      chosen.put(shape, choice);
    }
    return choice;
  }

  /** Times every candidate on memory of its own. */
  private String measure(List<GemmKernel> kernels, Shape shape, GpuLinear map) {
    if (kernels.size() == 1 && !shape.dense()) {
      return kernels.getFirst().name();
    }
    int tokens = shape.tokens();
    long bytes = (long) tokens * Math.max(shape.inputs(), shape.outputs()) * 4;
    while (bytes > MOST_BYTES) {
      tokens /= 2;
      bytes /= 2;
    }
    Memory table = null;
    Memory in = null;
    Memory out = null;
    try {
      // A table of tokens rows of one position each, made by the device itself.
      table = driver.allocate(4L * (4 + 4L * tokens));
      in = driver.allocate(bytes);
      out = driver.allocate(bytes);
      driver.zero(in, 0, bytes);
      driver.launch("identity", Grid.of((tokens + 63) / 64, 64), table, tokens);
      String best = null;
      long least = Long.MAX_VALUE;
      for (GemmKernel kernel : kernels) {
        Memory t = table;
        Memory x = in;
        Memory y = out;
        int count = tokens;
        long nanos = time(() -> launch(kernel, count, t, count, map, x, Epilogue.BIAS, null, y));
        if (nanos < least) {
          least = nanos;
          best = kernel.name();
        }
      }
      if (shape.dense()) {
        Memory x = in;
        Memory y = out;
        int count = tokens;
        long nanos =
            time(() ->
                driver
                    .denseProduct()
                    .run(
                        count,
                        map.inputs(),
                        map.outputs(),
                        map.weight(),
                        map.narrowBias(),
                        x,
                        Epilogue.BIAS,
                        null,
                        y));
        best = nanos < least ? LIBRARY : best;
      }
      return best;
    } finally {
      for (Memory memory : Arrays.asList(table, in, out)) {
        if (memory != null) {
          driver.free(memory);
        }
      }
    }
  }

  /** Least of some batches of calls, each long enough that waiting for its end matters little. */
  long time(Runnable call) {
    call.run();
    driver.mark().finish();
    int calls = 1;
    long least = Long.MAX_VALUE;
    long begun = System.nanoTime();
    for (int repeat = 0; repeat < REPEATS; repeat++) {
      long start = System.nanoTime();
      for (int i = 0; i < calls; i++) {
        call.run();
      }
      driver.mark().finish();
      long nanos = System.nanoTime() - start;
      least = Math.min(least, nanos / calls);
      if (System.nanoTime() - begun > ENOUGH_NANOS) {
        break;
      }
      if (nanos < 200_000) {
        calls = Math.min(64, calls * 4);
        repeat = Math.min(repeat, 1);
      }
    }
    return least;
  }

  /** A cache that cannot be written is no failure: it is measured anew next time. */
  private void keep() {
    if (file == null) {
      return;
    }
    try {
      Files.createDirectories(file.getParent());
      Path temporary = Files.createTempFile(file.getParent(), "gemm", null);
      try (Writer writer = Files.newBufferedWriter(temporary)) {
        kept.store(writer, driver.info().description());
      }
      Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      // As said above.
    }
  }
}
