package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A CUDA device that does nothing but note which kernels it is asked for. */
final class LaunchRecorder implements ImmediateDriver {
  /** PTX types of the arguments that each kernel was given. */
  final Map<String, List<String>> launches = new TreeMap<>();

  private final Precision precision;
  private final int capability;
  private long handles = 4096;

  LaunchRecorder(int capability, Precision precision) {
    this.capability = capability;
    this.precision = precision;
  }

  @Override
  public void launch(String kernel, Grid grid, Object... arguments) {
    List<String> types = new ArrayList<>();
    for (Object argument : arguments) {
      types.add(
          switch (argument) {
            case null -> "u64";
            case Memory memory -> "u64";
            case Integer number -> "u32";
            case Float number -> "f32";
            default -> argument.getClass().getName();
          });
    }
    List<String> earlier = launches.putIfAbsent(kernel, types);
    if (earlier != null && !earlier.equals(types)) {
      throw new AssertionError(kernel + " is given " + types + ", and before that " + earlier);
    }
  }

  @Override
  public DeviceInfo info() {
    return new DeviceInfo("cuda:0", "records launches", 1L << 40, 4, precision, "");
  }

  @Override
  public Traits traits() {
    return new Traits(Traits.Dialect.CUDA, false, 1024, Integer.MAX_VALUE, capability);
  }

  @Override
  public Memory allocate(long bytes) {
    return new Memory(handles += bytes, bytes);
  }

  @Override
  public void free(Memory memory) {}

  @Override
  public void zero(Memory memory, long offset, long bytes) {}

  @Override
  public void write(MemorySegment source, Memory target, long offset) {}

  @Override
  public void read(Memory source, long offset, MemorySegment target) {}

  @Override
  public void beginCapture() {}

  @Override
  public Captured endCapture() {
    return new Captured() {
      @Override
      public void launch() {}

      @Override
      public void close() {}
    };
  }

  @Override
  public void abandonCapture() {}

  @Override
  public void close() {}
}
