package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import dev.offramp.kernels.gpu.Grid;
import dev.offramp.kernels.gpu.KernelSources;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * The bindings to libcuda beside JCuda's, which were written by others: both must see the same
 * devices, the same memory, and launch a kernel alike. Prints a line a check and ends with 1 if one
 * failed. Both look libcuda.so.1 up as the system does: on a machine with a CUDA GPU it is the
 * driver, and what the kernels computed is compared; with fakecuda.c under that name it is what the
 * library wrote down of the launches.
 *
 * <pre>java -cp CLASSPATH --enable-native-access=ALL-UNNAMED -Dofframp.cuda.modules=ptx
 *     dev.offramp.kernels.cuda.SecondOpinion</pre>
 */
final class SecondOpinion implements AutoCloseable {
  private static final int CAPACITY = 301;
  private static final int POSITIONS = 19;
  private static final int CODES = 1000;
  private static final int[] SIZES = {1, 7, 127, 4099, 32_779};

  private static int failed;

  private final Libraries libraries;
  private final CudaDriver driver;
  private final CUdevice device = new CUdevice();
  private final CUstream stream = new CUstream();
  private final CUmodule module = new CUmodule();

  private SecondOpinion(Libraries libraries, CudaDriver driver) {
    this.libraries = libraries;
    this.driver = driver;
    // The same context as the driver's: the device's primary one.
    CUcontext context = new CUcontext();
    JCudaDriver.cuDeviceGet(device, 0);
    JCudaDriver.cuDevicePrimaryCtxRetain(context, device);
    JCudaDriver.cuCtxSetCurrent(context);
    JCudaDriver.cuStreamCreate(stream, 0);
    String ptx = KernelSources.ptx(driver.traits().capability(), Precision.F32);
    byte[] image = (ptx + "\0").getBytes(StandardCharsets.UTF_8);
    JCudaDriver.cuModuleLoadData(module, image);
  }

  public static void main(String[] arguments) {
    JCudaDriver.setExceptionsEnabled(true);
    JCudaDriver.cuInit(0);
    Libraries libraries = Libraries.find();
    devices(libraries);
    errors(libraries.cuda());
    DeviceOptions options = new DeviceOptions(1, Precision.F32, null);
    try (CudaDriver driver = CudaDevices.openDriver(libraries, 0, options);
        SecondOpinion other = new SecondOpinion(libraries, driver)) {
      other.memory();
      other.launches();
    }
    if (isFake(libraries)) {
      check("nothing is left alive", "", text(libraries, "fake_alive"));
    }
    System.out.println(failed == 0 ? "all passed" : failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }

  private static void devices(Libraries libraries) {
    int[] version = {0};
    JCudaDriver.cuDriverGetVersion(version);
    check("driver " + version[0], version[0], libraries.driverVersion());
    int[] count = {0};
    JCudaDriver.cuDeviceGetCount(count);
    check("devices: " + count[0], count[0], CudaDevices.probe(libraries).size());
    for (int i = 0; i < count[0]; i++) {
      CUdevice device = new CUdevice();
      JCudaDriver.cuDeviceGet(device, i);
      byte[] name = new byte[256];
      JCudaDriver.cuDeviceGetName(name, name.length, device);
      long[] bytes = {0};
      JCudaDriver.cuDeviceTotalMem(bytes, device);
      int capability =
          10 * attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
              + attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
      Properties theirs =
          new Properties(
              i,
              new String(name, StandardCharsets.UTF_8).split("\0", 2)[0],
              capability,
              bytes[0],
              attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
              attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
              attribute(
                  device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
              attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED)
                  != 0);
      check("attributes: " + theirs, theirs, Properties.of(libraries.cuda(), i));
    }
  }

  private static int attribute(CUdevice device, int attribute) {
    int[] value = {0};
    JCudaDriver.cuDeviceGetAttribute(value, attribute, device);
    return value[0];
  }

  /** Names of codes: as the driver tells each binding, and as JCuda's own table has them. */
  private static void errors(Cuda cuda) {
    JCudaDriver.setExceptionsEnabled(false);
    int known = 0;
    int alike = 0;
    for (int code = 1; code < CODES; code++) {
      String[] name = {null};
      String[] text = {null};
      if (JCudaDriver.cuGetErrorName(code, name) == CUresult.CUDA_SUCCESS) {
        JCudaDriver.cuGetErrorString(code, text);
        String table = CUresult.stringFor(code);
        known++;
        String ours = cuda.error("call", code);
        alike +=
            ours.startsWith("call failed: %s (%d): %s".formatted(name[0], code, text[0]))
                    && (table.startsWith("INVALID") || table.equals(name[0]))
                ? 1
                : 0;
      }
    }
    JCudaDriver.setExceptionsEnabled(true);
    check("names of %d error codes".formatted(known), known, alike);
    check("error codes are known", true, known >= 10);
  }

  /** Bytes that one binding wrote into memory of the one or the other are read by the other. */
  private void memory() {
    Random random = new Random(1);
    for (int size : SIZES) {
      Address theirs = new Address();
      JCudaDriver.cuMemAlloc(theirs, 2L * size);
      Memory ours = driver.allocate(2L * size);
      for (Memory memory : List.of(ours, new Memory(theirs.address(), 2L * size))) {
        String where = memory == ours ? "our memory" : "JCuda's memory";
        byte[] bytes = new byte[2 * size];
        random.nextBytes(bytes);
        byte[] half = Arrays.copyOfRange(bytes, size, 2 * size);
        write(memory, 0, bytes);
        check(
            "%d bytes of %s: written by us, read by JCuda".formatted(size, where),
            true,
            Arrays.equals(half, readByJCuda(memory, size, size)));
        random.nextBytes(half);
        JCudaDriver.cuMemcpyHtoD(at(memory, size), Pointer.to(half), size);
        check(
            "%d bytes of %s: written by JCuda, read by us".formatted(size, where),
            true,
            Arrays.equals(half, read(memory, size, size))
                && Arrays.equals(Arrays.copyOf(bytes, size), read(memory, 0, size)));
      }
      driver.free(ours);
      JCudaDriver.cuMemFree(theirs);
    }
  }

  /** The kernels that make the table of live rows smaller, from the same PTX and on one memory. */
  private void launches() {
    Random random = new Random(2);
    int[] table = new int[4 + 3 * CAPACITY + CAPACITY * POSITIONS];
    float[] scores = new float[CAPACITY];
    table[0] = CAPACITY;
    table[2] = POSITIONS;
    for (int i = 0; i < CAPACITY; i++) {
      table[4 + i] = i;
      table[4 + CAPACITY + i] = 1 + random.nextInt(POSITIONS);
      scores[i] = i % 50 == 0 ? Float.NaN : random.nextFloat();
    }
    Memory live = driver.allocate(4L * table.length);
    Memory score = driver.allocate(4L * CAPACITY);
    JCudaDriver.cuMemcpyHtoD(at(score, 0), Pointer.to(scores), score.bytes());

    JCudaDriver.cuMemcpyHtoD(at(live, 0), Pointer.to(table), live.bytes());
    recorded();
    driver.launch("compact", Grid.of(1, 256), live, CAPACITY, score, 0, 0.5f, 0);
    driver.launch("list_tokens", new Grid(CAPACITY, 2, 32, 4, 1000), live, CAPACITY);
    driver.mark().finish();
    List<String> ours = recorded();
    byte[] oursLive = readByJCuda(live, 0, (int) live.bytes());

    JCudaDriver.cuMemcpyHtoD(at(live, 0), Pointer.to(table), live.bytes());
    launchByJCuda("compact", Grid.of(1, 256), at(live, 0), CAPACITY, at(score, 0), 0, 0.5f, 0);
    launchByJCuda("list_tokens", new Grid(CAPACITY, 2, 32, 4, 1000), at(live, 0), CAPACITY);
    JCudaDriver.cuStreamSynchronize(stream);
    List<String> theirs = recorded();
    byte[] theirsLive = read(live, 0, (int) live.bytes());

    if (isFake(libraries)) {
      check("2 launches were recorded", 2, theirs.size());
      for (int i = 0; i < theirs.size(); i++) {
        check(theirs.get(i), theirs.get(i), ours.get(i));
      }
    } else {
      int kept = 0;
      int tokens = 0;
      for (int i = 0; i < CAPACITY; i++) {
        if (!(scores[i] > 0.5f)) {
          kept++;
          tokens += table[4 + CAPACITY + i];
        }
      }
      IntBuffer counts = ByteBuffer.wrap(oursLive).order(ByteOrder.nativeOrder()).asIntBuffer();
      check("%d rows are left".formatted(kept), kept, counts.get(0));
      check("%d positions are left".formatted(tokens), tokens, counts.get(1));
      check("both launches left the same table", true, Arrays.equals(oursLive, theirsLive));
    }
    driver.free(live);
    driver.free(score);
  }

  private void launchByJCuda(String name, Grid grid, Object... arguments) {
    CUfunction function = new CUfunction();
    JCudaDriver.cuModuleGetFunction(function, module, name);
    Pointer[] pointers = new Pointer[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      pointers[i] =
          switch (arguments[i]) {
            case CUdeviceptr memory -> Pointer.to(memory);
            case Integer number -> Pointer.to(new int[] {number});
            case Float number -> Pointer.to(new float[] {number});
            default -> throw new IllegalArgumentException("an argument " + arguments[i]);
          };
    }
    JCudaDriver.cuLaunchKernel(
        function,
        grid.groupsX(),
        grid.groupsY(),
        1,
        grid.itemsX(),
        grid.itemsY(),
        1,
        grid.localBytes(),
        stream,
        Pointer.to(pointers),
        null);
  }

  private void write(Memory memory, long offset, byte[] bytes) {
    try (Pinned pinned = driver.pinned(bytes.length)) {
      pinned.segment().copyFrom(MemorySegment.ofArray(bytes));
      driver.write(pinned.segment(), memory, offset);
      driver.mark().finish();
    }
  }

  private byte[] read(Memory memory, long offset, int bytes) {
    try (Pinned pinned = driver.pinned(bytes)) {
      driver.read(memory, offset, pinned.segment());
      driver.mark().finish();
      return pinned.segment().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private byte[] readByJCuda(Memory memory, long offset, int bytes) {
    byte[] read = new byte[bytes];
    JCudaDriver.cuMemcpyDtoH(Pointer.to(read), at(memory, offset), bytes);
    return read;
  }

  private static CUdeviceptr at(Memory memory, long offset) {
    return new CUdeviceptr().withByteOffset(memory.handle() + offset);
  }

  /** What fakecuda.c wrote down of launches since the last look; empty on a GPU. */
  private List<String> recorded() {
    return isFake(libraries)
        ? text(libraries, "fake_log").lines().filter(line -> line.startsWith("cuLaunch")).toList()
        : List.of();
  }

  private static boolean isFake(Libraries libraries) {
    return libraries.cuda().library.symbols().find("fake_log").isPresent();
  }

  private static String text(Libraries libraries, String function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(1 << 16);
      libraries.cuda().library.function(function, "pi").call(text, 1 << 16);
      return text.getString(0);
    }
  }

  private static void check(String what, Object expected, Object actual) {
    boolean passed = Objects.equals(expected, actual);
    failed += passed ? 0 : 1;
    System.out.println((passed ? "ok   " : "FAIL ") + what);
    if (!passed) {
      System.out.printf("     expected: %s%n     ours:     %s%n", expected, actual);
    }
  }

  @Override
  public void close() {
    JCudaDriver.cuModuleUnload(module);
    JCudaDriver.cuStreamDestroy(stream);
    JCudaDriver.cuDevicePrimaryCtxRelease(device);
  }

  /** JCuda does not tell anyone but its own classes where memory is. */
  private static final class Address extends CUdeviceptr {
    long address() {
      return getNativePointer();
    }
  }
}
