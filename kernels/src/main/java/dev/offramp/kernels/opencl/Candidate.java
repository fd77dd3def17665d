package dev.offramp.kernels.opencl;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A device as OpenCL describes it.
 *
 * @param number counted over all platforms in the loader's order
 * @param handle the cl_device_id
 * @param version what it implements, such as {@code OpenCL 3.0 PoCL ...}
 * @param driver version of the driver
 * @param processor whether it is a CPU
 * @param usable what CL_DEVICE_AVAILABLE says
 * @param compiler whether it compiles programs from text
 * @param memoryBytes memory in all
 * @param maxBufferBytes most bytes of one buffer
 * @param localBytes local memory of a group
 */
record Candidate(
    int number,
    long handle,
    String platform,
    String name,
    String version,
    String driver,
    boolean processor,
    boolean usable,
    boolean compiler,
    boolean littleEndian,
    int computeUnits,
    int maxGroupItems,
    long memoryBytes,
    long maxBufferBytes,
    long localBytes) {
  /** Items of the largest group that every kernel may count on. */
  static final int GROUP_ITEMS = 256;

  /* Questions of clGetDeviceInfo, less their CL_DEVICE_. */
  private static final int TYPE = 0x1000;
  private static final int MAX_COMPUTE_UNITS = 0x1002;
  private static final int MAX_WORK_GROUP_SIZE = 0x1004;
  private static final int MAX_MEM_ALLOC_SIZE = 0x1010;
  private static final int GLOBAL_MEM_SIZE = 0x101F;
  private static final int LOCAL_MEM_SIZE = 0x1023;
  private static final int ENDIAN_LITTLE = 0x1026;
  private static final int AVAILABLE = 0x1027;
  private static final int COMPILER_AVAILABLE = 0x1028;
  private static final int NAME = 0x102B;
  private static final int DRIVER_VERSION = 0x102D;
  private static final int DEVICE_VERSION = 0x102F;

  /** CL_DEVICE_TYPE_CPU, a bit. */
  private static final int CPU = 2;

  private static final Pattern VERSION = Pattern.compile("OpenCL (\\d+)\\.(\\d+).*");

  /** PoCL puts the compiler's name of the processor before the processor's own. */
  private static final Pattern POCL_PREFIX =
      Pattern.compile("^(?:pthread|basic|cpu)-[a-z0-9_.-]+-(?=[A-Z])");

  /** Asks the device for everything. */
  static Candidate of(int number, String platform, long handle) {
    try (Arena arena = Arena.ofConfined()) {
      Info info = new Info("opencl:" + number, handle, arena);
      return new Candidate(
          number,
          handle,
          platform,
          info.text(NAME),
          info.text(DEVICE_VERSION),
          info.text(DRIVER_VERSION),
          (info.number(TYPE) & CPU) != 0,
          info.flag(AVAILABLE),
          info.flag(COMPILER_AVAILABLE),
          info.flag(ENDIAN_LITTLE),
          (int) info.number(MAX_COMPUTE_UNITS),
          (int) Math.min(Integer.MAX_VALUE, info.number(MAX_WORK_GROUP_SIZE)),
          info.number(GLOBAL_MEM_SIZE),
          info.number(MAX_MEM_ALLOC_SIZE),
          info.number(LOCAL_MEM_SIZE));
    }
  }

  String id() {
    return "opencl:" + number;
  }

  /** Why the device cannot be used, in a sentence, or an empty text. */
  String problem() {
    Matcher parts = VERSION.matcher(version);
    if (!parts.matches()
        || Integer.parseInt(parts.group(1)) * 10 + Integer.parseInt(parts.group(2)) < 12) {
      return described("implements '" + version + "'; OpenCL 1.2 is the least. Update its driver.");
    }
    if (!usable) {
      return described("is not available (CL_DEVICE_AVAILABLE); another program may hold it.");
    }
    if (!compiler) {
      return described("has no compiler (CL_DEVICE_COMPILER_AVAILABLE); install its full driver.");
    }
    if (!littleEndian) {
      return described("is big-endian (CL_DEVICE_ENDIAN_LITTLE); use another device.");
    }
    if (maxGroupItems < GROUP_ITEMS) {
      return described(
          "runs groups of %d work items at most (CL_DEVICE_MAX_WORK_GROUP_SIZE); %d are needed."
              .formatted(maxGroupItems, GROUP_ITEMS));
    }
    return "";
  }

  private String described(String problem) {
    return shortPlatform() + ", " + shortName() + ": the device " + problem;
  }

  DeviceInfo info(Precision precision) {
    return new DeviceInfo(
        id(),
        "%s, %s (%s, driver %s)".formatted(shortPlatform(), shortName(), standard(), driver),
        memoryBytes,
        computeUnits,
        precision,
        "");
  }

  /** Why the device was accepted, for the same people. */
  String found() {
    return "Platform %s, device %s%s, %s, driver %s, %,d MiB of memory."
        .formatted(
            platform,
            name,
            processor ? " (the processor)" : "",
            standard(),
            driver,
            memoryBytes >> 20);
  }

  Traits traits() {
    return new Traits(
        Traits.Dialect.OPENCL,
        processor,
        maxGroupItems,
        (int) Math.min(Integer.MAX_VALUE, localBytes),
        0);
  }

  private String standard() {
    Matcher parts = VERSION.matcher(version);
    return parts.matches() ? "OpenCL " + parts.group(1) + "." + parts.group(2) : version;
  }

  private String shortPlatform() {
    return platform.equals("Portable Computing Language") ? "PoCL" : platform;
  }

  private String shortName() {
    return POCL_PREFIX.matcher(name).replaceFirst("");
  }

  /** What clGetDeviceInfo knows. */
  private record Info(String id, long device, Arena arena) {
    String text(int what) {
      MemorySegment size = arena.allocate(JAVA_LONG);
      check(OpenCl.getDeviceInfo(device, what, NULL, size), what);
      MemorySegment text = arena.allocate(size.get(JAVA_LONG, 0) + 1);
      check(OpenCl.getDeviceInfo(device, what, text, NULL), what);
      return text.getString(0).strip().replaceAll("\\s+", " ");
    }

    boolean flag(int what) {
      return number(what) != 0;
    }

    /** A number of 32 or 64 bits. A shorter one leaves the upper bytes zero. */
    long number(int what) {
      MemorySegment value = arena.allocate(JAVA_LONG);
      check(OpenCl.getDeviceInfo(device, what, value, NULL), what);
      return value.get(JAVA_LONG, 0);
    }

    private void check(int code, int what) {
      if (code != Codes.SUCCESS) {
        throw Codes.failure(id, code, "clGetDeviceInfo(0x%X)".formatted(what));
      }
    }
  }
}
