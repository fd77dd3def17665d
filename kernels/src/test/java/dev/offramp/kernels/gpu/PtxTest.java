package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Precision;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The PTX that is kept, by what it says of itself; {@link NvccTest} makes it anew. */
class PtxTest {
  private static final int CAPACITY = 4;
  private static final int POSITIONS = 8;
  private static final int WIDTH = 32;

  static List<Ptx.Program> programs() {
    return Ptx.programs(KernelSources.CAPABILITIES);
  }

  /** The committed file. */
  static String ptx(Ptx.Program program) {
    return KernelSources.ptx(program.architecture(), program.precision());
  }

  @ParameterizedTest
  @MethodSource("programs")
  void isMadeOfTheKernelsAsTheyAre(Ptx.Program program) {
    assertThat(Ptx.parse(ptx(program)).textHash())
        .as(program.file() + " was made of other kernels; " + Ptx.REMEDY)
        .isEqualTo(Ptx.hash(program.text()));
    assertThat(ptx(program))
        .contains("\n.version %s\n.target sm_%d\n".formatted("7.4", program.architecture()));
  }

  @ParameterizedTest
  @MethodSource("programs")
  void hasEveryKernelThatIsLaunchedWithItsParameters(Ptx.Program program) {
    Map<String, List<String>> entries = Ptx.parse(ptx(program)).entries();
    Map<String, List<String>> launched = new TreeMap<>();
    for (Precision precision : precisions(program)) {
      launched.putAll(launches(program.architecture(), precision));
    }
    assertThat(entries).containsAllEntriesOf(launched);
    // So launches() below misses none. The F16 program has tiles too, which F32's products take.
    Set<String> others = new TreeSet<>(entries.keySet());
    others.removeAll(launched.keySet());
    if (program.precision() == Precision.F16) {
      GemmKernel.TILE.forEach(kernel -> others.remove(kernel.name()));
    }
    assertThat(others).as("kernels that nothing launches").isEmpty();
  }

  @Test
  void isMadeByOneCompiler() {
    assertThat(programs().stream().map(program -> Ptx.parse(ptx(program)).compiler()).distinct())
        .singleElement()
        .asString()
        .startsWith("release ");
  }

  /** Precisions that a device of that architecture runs the program for. */
  private static List<Precision> precisions(Ptx.Program program) {
    if (program.precision() == Precision.F16) {
      return List.of(Precision.F16);
    }
    return program.architecture() < 80
        ? List.of(Precision.F32)
        : List.of(Precision.F32, Precision.TF32);
  }

  /** Types of the arguments of each kernel that a device's operations launch. */
  private static Map<String, List<String>> launches(int capability, Precision precision) {
    LaunchRecorder recorder = new LaunchRecorder(capability, precision);
    try (Device device = new GpuDevice(recorder, new DeviceOptions(1, precision, null));
        LiveRows rows = device.liveRows(CAPACITY, POSITIONS)) {
      rows.load(new int[] {0, 2}, new int[] {POSITIONS, 3}, POSITIONS);
      Buffer line = device.allocate(DataType.F32, WIDTH);
      Normalization norm = new Normalization(line, line, 1e-5f);
      Buffer table = device.allocate(DataType.F32, (long) POSITIONS * WIDTH);
      EmbeddingTables tables = new EmbeddingTables(table, table, table, norm);
      Buffer in = activations(device, WIDTH);
      Buffer out = activations(device, WIDTH);
      device.embed(rows, tables, device.allocate(DataType.I32, (long) CAPACITY * POSITIONS), out);
      device.layerNorm(rows, norm, in, out);
      MemorySegment weight = MemorySegment.ofArray(new float[WIDTH * WIDTH]);
      Linear map = device.linear(WIDTH, WIDTH, weight, DataType.F32, null);
      for (Epilogue epilogue : Epilogue.values()) {
        device.gemm(rows, map, in, epilogue, epilogue.addsResidual() ? out : null, out);
      }
      for (int largest : Launches.HEAD_SIZES) {
        for (int size : new int[] {largest, largest - 1}) { // Odd ones are not for tensor cores.
          device.attention(rows, 1, size, activations(device, 3 * size), activations(device, size));
        }
      }
      for (Pooling pooling : Pooling.values()) {
        device.pool(
            rows, pooling, WIDTH, in, device.allocate(DataType.F32, (long) CAPACITY * WIDTH));
      }
      Linear head = device.head(WIDTH, WIDTH, weight, DataType.F32, null);
      for (int classes : new int[] {0, WIDTH}) {
        ExitSignal signal = ExitSignal.allocate(device, CAPACITY, classes);
        device.exitHead(rows, Pooling.FIRST, head, in, signal);
        device.compact(rows, signal, Confidence.MARGIN, 0.5f);
        rows.load(new int[] {1}, new int[] {2}, POSITIONS);
      }
      imageLaunches(device);
      device.measurePeakGflops();
    }
    return recorder.launches;
  }

  private static void imageLaunches(Device device) {
    ImageShape image = new ImageShape(3, 3, 4);
    try (LiveRows rows = device.liveRows(CAPACITY, 1)) {
      rows.load(new int[] {0, 2}, new int[] {1, 1}, 1);
      Buffer channels = device.allocate(DataType.F32, 4);
      Buffer pixels = device.allocate(DataType.I32, (long) CAPACITY * image.pixels());
      Buffer in = activations(device, image.elements());
      Buffer out = activations(device, image.pixels() * 512);
      device.pixels(rows, image, channels, channels, pixels, out);
      device.maxPool(rows, new ConvolutionShape(image, 4, 3, 2, 1, 4), in, out);
      device.gridPool(rows, image, 2, in, out);
      device.shortcut(rows, image, 2, 8, in, out);
      device.convolve(rows, convolution(device, image, 8, 2), in, Epilogue.BIAS, null, out);
      for (int outputs : new int[] {16, 32, 64, 512}) {
        Convolution map = convolution(device, image, outputs, 1);
        for (Epilogue epilogue : Epilogue.values()) {
          device.convolve(rows, map, in, epilogue, epilogue.addsResidual() ? out : null, out);
        }
      }
    }
  }

  private static Convolution convolution(Device device, ImageShape in, int outputs, int groups) {
    ConvolutionShape shape = new ConvolutionShape(in, outputs, 3, 1, 1, groups);
    MemorySegment weight = MemorySegment.ofArray(new float[outputs * shape.depth()]);
    return device.convolution(shape, weight, DataType.F32, null);
  }

  /** A long has 32 bits where the host is Windows: places in memory are counted in LONG. */
  @Test
  void kernelsDoNotDependOnTheHostsLong() {
    for (Ptx.Program program : Ptx.programs(List.of(80))) {
      String code = program.text().replaceAll("(?s)/\\*.*?\\*/", "").replace("long long", "");
      assertThat(code).as(program.file()).contains("LONG").doesNotContainPattern("\\blong\\b");
    }
  }

  private static Buffer activations(Device device, int width) {
    return device.allocate(device.activations(), (long) CAPACITY * POSITIONS * width);
  }
}
