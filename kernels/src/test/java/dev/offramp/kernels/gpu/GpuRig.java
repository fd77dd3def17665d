package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Precision;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** A device with a fake driver, and what operations take. */
final class GpuRig {
  final FakeDriver driver;
  final GpuDevice device;

  GpuRig() {
    this(new FakeDriver(), null);
  }

  GpuRig(FakeDriver driver, Path cache) {
    this.driver = driver;
    device = new GpuDevice(driver, new DeviceOptions(1, driver.info().precision(), cache));
  }

  static FakeDriver driver(Precision precision) {
    return new FakeDriver(FakeDriver.ACCELERATOR, precision);
  }

  Buffer floats(int elements) {
    return device.allocate(DataType.F32, elements);
  }

  Buffer activations(int elements) {
    return device.allocate(device.activations(), elements);
  }

  Linear linear(int inputs, int outputs) {
    return device.linear(
        inputs, outputs, MemorySegment.ofArray(new float[inputs * outputs]), DataType.F32, null);
  }

  Linear head(int inputs, int classes) {
    return device.head(
        inputs,
        classes,
        MemorySegment.ofArray(new float[inputs * classes]),
        DataType.F32,
        MemorySegment.ofArray(new float[classes]));
  }

  Convolution convolution(ConvolutionShape shape) {
    float[] weight = new float[shape.outputs() * shape.depth()];
    return device.convolution(
        shape,
        MemorySegment.ofArray(weight),
        DataType.F32,
        MemorySegment.ofArray(new float[shape.outputs()]));
  }

  Normalization norm(int width) {
    return new Normalization(floats(width), floats(width), 1e-5f);
  }

  /** Makes the rows 0 to count - 1 live, each with that many valid positions. */
  static void load(LiveRows rows, int count, int length, int positions) {
    int[] lengths = new int[count];
    Arrays.fill(lengths, length);
    rows.load(IntStream.range(0, count).toArray(), lengths, positions);
  }

  /** What is launched by it. */
  List<FakeDriver.Launch> launched(Runnable work) {
    int before = driver.launches.size();
    work.run();
    return List.copyOf(driver.launches.subList(before, driver.launches.size()));
  }
}
