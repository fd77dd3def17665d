package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DeviceException;
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
import java.util.LinkedHashMap;
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

  /** A number of inputs that lines of any type are aligned with. */
  private static final int ANY_INPUTS = 64;

  private static final int REPLAYS = 4;
  private static final int MOST_CALLS = 40;
  private static final int MOST_CALLS_JAVA = 4;

  /** Length of a replay that is aimed at: long enough to hide its start and end. */
  private static final long REPLAY_NANOS = 1_500_000;

  private static final long MOST_BYTES = 512L << 20;

  private final Driver driver;
  private final Precision precision;
  private final Path file; // null where nothing is kept
  private final DenseProduct library; // null where it was not found or not asked for
  private final Map<Shape, String> chosen = new HashMap<>();
  private final Properties kept = new Properties();
  private GemmKernel forced; // null where the fastest is taken

  /** What a choice is made for; tokens is a power of two, the least that counts are not above. */
  private record Shape(int tokens, int inputs, int outputs, boolean dense) {
    String key() {
      return tokens + "." + inputs + "." + outputs + (dense ? ".dense" : "");
    }
  }

  GemmChoice(Driver driver, Precision precision, Path cache) {
    this.driver = driver;
    this.precision = precision;
    if (kernels(ANY_INPUTS).isEmpty() || kernels(1).isEmpty()) {
      throw new DeviceException(
          "%s: has too little local memory or too small groups for matrix products in %s"
              .formatted(driver.info().id(), precision));
    }
    library = Products.asked() == Products.LIBRARY ? driver.denseProduct() : null;
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
    boolean dense = library != null && bounds.dense() && fits(map, epilogue);
    // Bounds may be rounded up beyond what the rows have room for.
    int tokens = (int) Math.min(bounds.tokens(), (long) rows.capacity() * bounds.positions());
    String choice = forced == null ? choose(tokens, map, dense) : forced.name();
    if (choice.equals(LIBRARY)) {
      library(tokens, map, in, epilogue, residual, out);
    } else {
      launch(
          GemmKernel.BY_NAME.get(choice),
          tokens,
          rows.table(),
          rows.capacity(),
          map,
          in,
          epilogue,
          residual,
          out);
    }
  }

  /** Has all products made by that kernel, whatever is faster, until null is given. */
  void force(GemmKernel kernel) {
    forced = kernel;
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
    if (tokens > kernel.most()) {
      throw new DeviceException(
          "%s: a product of up to %,d positions is more than the device's %,d; use a smaller batch"
              .formatted(driver.info().id(), tokens, kernel.most()));
    }
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

  /** Those that take every count of the shape, or where none does, the ones that take the most. */
  private List<GemmKernel> candidates(Shape shape) {
    List<GemmKernel> all = kernels(shape.inputs());
    int most = all.stream().mapToInt(GemmKernel::most).max().orElseThrow();
    int wanted = Math.min(shape.tokens(), most);
    return all.stream().filter(kernel -> kernel.most() >= wanted).toList();
  }

  private String choose(int tokens, GpuLinear map, boolean dense) {
    Shape shape =
        new Shape(
            tokens <= 1 ? 1 : Math.min(Integer.highestOneBit(tokens - 1), 1 << 29) * 2,
            map.inputs(),
            map.outputs(),
            dense);
    String choice = chosen.get(shape);
    if (choice == null) {
      List<GemmKernel> kernels = candidates(shape);
      choice = kept.getProperty(shape.key());
      boolean known =
          choice != null
              && (choice.equals(LIBRARY)
                  ? dense
                  : kernels.contains(GemmKernel.BY_NAME.get(choice)));
      if (kernels.size() == 1 && !dense) {
        choice = kernels.getFirst().name();
      } else if (!known) {
        try {
          choice = measure(kernels, shape, map);
          kept.setProperty(shape.key(), choice);
          keep();
        } catch (DeviceException e) {
          // No memory to measure with, say: that is no reason for the product itself to fail.
          choice = kernels.get(kernels.size() / 2).name();
        }
      }
      chosen.put(shape, choice);
    }
    return choice;
  }

  /** Times every candidate on memory of its own. */
  private String measure(List<GemmKernel> kernels, Shape shape, GpuLinear map) {
    int tokens = shape.tokens();
    long bytes = 4L * tokens * Math.max(shape.inputs(), shape.outputs());
    int most = kernels.stream().mapToInt(GemmKernel::most).min().orElseThrow();
    while (bytes > MOST_BYTES || tokens > most) {
      tokens /= 2;
      bytes /= 2;
    }
    List<Memory> own = new ArrayList<>();
    try {
      // A table of tokens rows of one position each, made by the device itself.
      own.add(driver.allocate(4L * (4 + 4L * tokens)));
      own.add(driver.allocate(bytes));
      own.add(driver.allocate(bytes));
      Memory table = own.get(0);
      Memory in = own.get(1);
      Memory out = own.get(2);
      int count = tokens;
      driver.zero(in, 0, bytes);
      driver.launch("identity", Grid.of(Math.ceilDiv(count, 64), 64), table, count);
      Map<String, Runnable> candidates = new LinkedHashMap<>();
      for (GemmKernel kernel : kernels) {
        candidates.put(
            kernel.name(),
            () -> launch(kernel, count, table, count, map, in, Epilogue.BIAS, null, out));
      }
      if (shape.dense()) {
        candidates.put(LIBRARY, () -> library(count, map, in, Epilogue.BIAS, null, out));
      }
      String best = null;
      long least = Long.MAX_VALUE;
      for (var candidate : candidates.entrySet()) {
        long nanos = time(candidate.getValue());
        if (nanos < least) {
          least = nanos;
          best = candidate.getKey();
        }
      }
      return best;
    } finally {
      own.forEach(driver::free);
    }
  }

  private void library(
      int rows, GpuLinear map, Memory in, Epilogue epilogue, Memory residual, Memory out) {
    library.run(
        rows,
        map.inputs(),
        map.outputs(),
        map.weight(),
        map.narrowBias(),
        in,
        epilogue,
        residual,
        out);
  }

  /**
   * Nanoseconds of one call: the least of some replays of a capture of several, so that what it
   * costs the host to queue them plays no part.
   */
  long time(Runnable call) {
    call.run();
    driver.mark().finish();
    long start = System.nanoTime();
    call.run();
    driver.mark().finish();
    long once = Math.max(1, System.nanoTime() - start);
    // TornadoVM compiles a kernel anew for each time that it is in a capture.
    int most = driver.traits().dialect() == Traits.Dialect.JAVA ? MOST_CALLS_JAVA : MOST_CALLS;
    int calls = (int) Math.clamp(REPLAY_NANOS / once, 1, most);
    driver.beginCapture();
    try {
      for (int i = 0; i < calls; i++) {
        call.run();
      }
    } catch (RuntimeException | Error e) {
      driver.abandonCapture();
      throw e;
    }
    try (Driver.Captured captured = driver.endCapture()) {
      long least = Long.MAX_VALUE;
      for (int replay = 0; replay < REPLAYS; replay++) {
        start = System.nanoTime();
        captured.launch();
        driver.mark().finish();
        least = Math.min(least, System.nanoTime() - start);
      }
      return least / calls;
    }
  }

  /** A cache that cannot be written is no failure: it is measured anew next time. */
  private void keep() {
    if (file == null) {
      return;
    }
    try {
      Files.createDirectories(file.getParent());
      Path temporary = Files.createTempFile(file.getParent(), "gemm", null);
      try {
        try (Writer writer = Files.newBufferedWriter(temporary)) {
          kept.store(writer, driver.info().description());
        }
        Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      // As said above.
    }
  }
}
