package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the driver says of a device, asked without opening it.
 *
 * @param number the device's place in the driver's list
 * @param capability compute capability times ten
 * @param sharedBytes most shared memory that a group can be given
 * @param pools whether memory can be allocated in the order of a stream
 */
record Properties(
    int number,
    String name,
    int capability,
    long memoryBytes,
    int multiprocessors,
    int maxGroupItems,
    int sharedBytes,
    boolean pools) {
  /** The oldest compute capability that the kernels are compiled for, times ten. */
  static final int OLDEST_CAPABILITY = 75;

  private static final int NAME_BYTES = 256;

  static Properties of(Cuda cuda, int number) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      check(cuda, number, "cuDeviceGet", cuda.deviceGet.call(out, number));
      int device = out.get(ValueLayout.JAVA_INT, 0);
      MemorySegment name = arena.allocate(NAME_BYTES);
      check(cuda, number, "cuDeviceGetName", cuda.deviceGetName.call(name, NAME_BYTES, device));
      check(cuda, number, "cuDeviceTotalMem_v2", cuda.deviceTotalMem.call(out, device));
      long memory = out.get(ValueLayout.JAVA_LONG, 0);
      int capability =
          10 * attribute(cuda, Cuda.CAPABILITY_MAJOR, device, out)
              + attribute(cuda, Cuda.CAPABILITY_MINOR, device, out);
      return new Properties(
          number,
          name.getString(0),
          capability,
          memory,
          attribute(cuda, Cuda.MULTIPROCESSOR_COUNT, device, out),
          attribute(cuda, Cuda.MAX_THREADS_PER_BLOCK, device, out),
          attribute(cuda, Cuda.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device, out),
          attribute(cuda, Cuda.MEMORY_POOLS_SUPPORTED, device, out) != 0);
    }
  }

  private static void check(Cuda cuda, int number, String call, int code) {
    Libraries.check(cuda, "cuda:" + number + ": " + call, code);
  }

  private static int attribute(Cuda cuda, int attribute, int device, MemorySegment out) {
    int code = cuda.deviceGetAttribute.call(out, attribute, device);
    Libraries.check(cuda, "cuDeviceGetAttribute", code);
    return out.get(ValueLayout.JAVA_INT, 0);
  }

  /** Why the device cannot be used with that precision, or null. */
  String refusal(Precision precision) {
    if (capability < OLDEST_CAPABILITY) {
      return "%s has compute capability %s, needed is 7.5 (Turing) or later"
          .formatted(name, capabilityText());
    }
    if (precision == Precision.TF32 && capability < 80) {
      return "%s has compute capability %s, TF32 needs 8.0 (Ampere) or later; use F32 or F16"
          .formatted(name, capabilityText());
    }
    return null;
  }

  DeviceInfo info(Libraries libraries, Precision precision) {
    return info(libraries, precision, Extras.of(libraries, capability, precision));
  }

  DeviceInfo info(Libraries libraries, Precision precision, Extras extras) {
    String kernels =
        libraries.nvrtc() == null ? "from PTX" : "by NVRTC " + libraries.nvrtc().version();
    String products =
        libraries.cublasLt() == null
            ? ""
            : ", products by cuBLASLt " + libraries.cublasLt().version();
    return new DeviceInfo(
        "cuda:" + number,
        "%s (compute capability %s, driver %s, kernels %s%s)"
            .formatted(
                name,
                capabilityText(),
                Libraries.text(libraries.driverVersion()),
                kernels,
                products + extras.description()),
        memoryBytes,
        multiprocessors,
        precision,
        Stream.of(libraries.compiler().note(), libraries.products().note(), extras.note())
            .filter(note -> !note.isEmpty())
            .collect(Collectors.joining(" ")));
  }

  Traits traits(Extras extras) {
    return new Traits(
        Traits.Dialect.CUDA, false, maxGroupItems, sharedBytes, capability, extras.warpgroups());
  }

  private String capabilityText() {
    return capability / 10 + "." + capability % 10;
  }
}
