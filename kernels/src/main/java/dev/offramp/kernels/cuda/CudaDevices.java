package dev.offramp.kernels.cuda;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.GpuDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Finds and opens the CUDA devices of this machine. */
public final class CudaDevices {
  private static Libraries found;

  private CudaDevices() {}

  /**
   * Opens the device of that number, counted as the driver does.
   *
   * @throws DeviceException if there is none, or it cannot be used; the message says why
   */
  public static Device open(int number, DeviceOptions options) {
    return new GpuDevice(openDriver(number, options), options);
  }

  /** One entry a device, or one that says why there is none. */
  public static List<Probe> probe() {
    try {
      return probe(libraries());
    } catch (DeviceException e) {
      return List.of(new Probe("cuda", false, sentence(e.getMessage()), null, false));
    }
  }

  /** {@link #open} short of the operations, on what was found here. */
  static CudaDriver openDriver(int number, DeviceOptions options) {
    Libraries libraries;
    try {
      libraries = libraries();
    } catch (DeviceException e) {
      throw new DeviceException(
          "There is no device 'cuda:%d'. %s".formatted(number, sentence(e.getMessage())), e);
    }
    return openDriver(libraries, number, options);
  }

  static CudaDriver openDriver(Libraries libraries, int number, DeviceOptions options) {
    int count = count(libraries.cuda());
    if (number >= count) {
      throw new DeviceException(
          "There is no device 'cuda:%d'. The driver lists %d, counted from 0."
              .formatted(number, count));
    }
    Properties properties = Properties.of(libraries.cuda(), number);
    String refusal = refusal(libraries, properties, options.precision());
    if (refusal != null) {
      throw new DeviceException("cuda:%d: %s".formatted(number, refusal));
    }
    Extras extras = Extras.of(libraries, properties.capability(), options.precision());
    Program program = Program.of(properties.traits(extras), options.precision(), extras);
    return new CudaDriver(libraries, properties, options, program);
  }

  static List<Probe> probe(Libraries libraries) {
    List<Probe> probes = new ArrayList<>();
    int count = count(libraries.cuda());
    if (count == 0) {
      probes.add(new Probe("cuda", false, "The CUDA driver lists no device.", null, false));
    }
    String search = count == 0 ? "" : libraries.search();
    for (int number = 0; number < count; number++) {
      probes.add(probe(libraries, search, number));
    }
    return probes;
  }

  private static Probe probe(Libraries libraries, String search, int number) {
    String id = "cuda:" + number;
    try {
      Properties properties = Properties.of(libraries.cuda(), number);
      String refusal = refusal(libraries, properties, Precision.F32);
      if (refusal != null) {
        return new Probe(id, false, sentence(refusal), null, false);
      }
      DeviceInfo info = properties.info(libraries, Precision.F32);
      return new Probe(id, true, found(libraries, search, properties, info), info, false);
    } catch (DeviceException e) {
      return new Probe(id, false, sentence(e.getMessage()), null, false);
    }
  }

  /** Why the device cannot be used, or null. */
  private static String refusal(Libraries libraries, Properties properties, Precision precision) {
    String ofDevice = properties.refusal(precision);
    return ofDevice == null ? libraries.refusal() : ofDevice;
  }

  /** The device, the libraries that were found or not, and what is asked for in vain. */
  private static String found(
      Libraries libraries, String search, Properties properties, DeviceInfo info) {
    // Of F16, which has all that can be asked for.
    String note = properties.info(libraries, Precision.F16).note();
    return "%s, %,d MiB of memory. %s %s"
        .formatted(info.description(), info.memoryBytes() >> 20, search, note)
        .strip();
  }

  private static int count(Cuda cuda) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      Libraries.check(cuda, "cuDeviceGetCount", cuda.deviceGetCount.call(out));
      return out.get(ValueLayout.JAVA_INT, 0);
    }
  }

  private static synchronized Libraries libraries() {
    if (found == null) {
      try {
        found = Libraries.find();
      } catch (IllegalCallerException e) {
        throw new DeviceException(Driver.NO_NATIVE_ACCESS, e);
      }
    }
    return found;
  }

  private static String sentence(String text) {
    return text.endsWith(".") ? text : text + ".";
  }
}
