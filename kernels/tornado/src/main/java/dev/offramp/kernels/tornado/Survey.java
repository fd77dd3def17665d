package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import dev.offramp.kernels.gpu.GpuDevice;
import dev.offramp.kernels.gpu.Traits;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** What TornadoVM's runtime finds. */
final class Survey {
  /** By default TornadoVM has 4,096 bytes for the steps of a graph: a dozen tasks may take more. */
  private static final String STEP_BYTES = "tornado.tvm.maxbytecodesize";

  /** Work items of the largest groups of kernels. */
  private static final int GROUP_ITEMS = 256;

  private Survey() {}

  /**
   * All devices, backend after backend; the first is the number 0.
   *
   * @throws DeviceException if there is none
   */
  static List<TornadoDevice> devices() {
    if (System.getProperty(STEP_BYTES) == null) {
      System.setProperty(STEP_BYTES, "32768");
    }
    // The first call starts it.
    TornadoRuntime runtime = NativeOutput.toStderr(TornadoRuntimeProvider::getTornadoRuntime);
    List<TornadoDevice> devices = new ArrayList<>();
    for (int backend = 0; backend < runtime.getNumBackends(); backend++) {
      devices.addAll(runtime.getBackend(backend).getAllDevices());
    }
    if (devices.isEmpty()) {
      throw new DeviceException(
          "TornadoVM finds no device: its SDK has a backend for each driver (OpenCL, CUDA and"
              + " others), and the one of this machine must be among them.");
    }
    return devices;
  }

  static List<Probe> probes() {
    List<TornadoDevice> devices = devices();
    List<Probe> probes = new ArrayList<>();
    for (int number = 0; number < devices.size(); number++) {
      TornadoDevice device = devices.get(number);
      DeviceInfo info = describe(number, device, Precision.F32);
      String reason =
          "%s, %d compute units, %,d MiB. Never chosen by auto: name it."
              .formatted(info.description(), info.computeUnits(), info.memoryBytes() >> 20);
      boolean processor = device.getDeviceType() == TornadoDeviceType.CPU;
      probes.add(new Probe(info.id(), true, reason, info, processor));
    }
    return probes;
  }

  static Device open(int number, DeviceOptions options) {
    List<TornadoDevice> devices = devices();
    if (number >= devices.size()) {
      throw new DeviceException(
          "There is no tornado:%d; TornadoVM finds %d devices, counted from 0."
              .formatted(number, devices.size()));
    }
    TornadoDevice device = devices.get(number);
    boolean processor = device.getDeviceType() == TornadoDeviceType.CPU;
    return open(number, device, processor, options);
  }

  /**
   * @param processor whether to use the kernels for processors
   */
  static Device open(int number, TornadoDevice device, boolean processor, DeviceOptions options) {
    DeviceInfo info = describe(number, device, options.precision());
    boolean halves = !processor && halves(device);
    if (options.precision() == Precision.TF32 || options.precision() == Precision.F16 && !halves) {
      throw new DeviceException(
          "%s: computes in %s only, not in %s"
              .formatted(info.id(), halves ? "F32 and F16" : "F32", options.precision()));
    }
    if (recovers()) {
      throw new DeviceException(
          info.id()
              + ": a kernel that cannot be compiled would silently run in Java; start with the"
              + " offramp launcher, or add -Dtornado.recover.bailout=false to the java command");
    }
    Traits traits =
        new Traits(
            Traits.Dialect.JAVA,
            processor,
            mostGroupItems(info.id(), device),
            (int) Math.min(Integer.MAX_VALUE, device.getDeviceLocalMemorySize()),
            0);
    return new GpuDevice(new OwnThread(() -> new TornadoDriver(info, traits, device)), options);
  }

  private static int mostGroupItems(String id, TornadoDevice device) {
    // Of OpenCL the dimensions are how far a single one of them may go.
    long items =
        device.getTornadoVMBackend() == TornadoVMBackendType.OPENCL
            ? device.getPhysicalDevice().getDeviceMaxWorkGroupSize()[0]
            : device.getDeviceMaxWorkgroupDimensions()[0];
    if (items < GROUP_ITEMS) {
      throw new DeviceException(
          "%s: groups of %d work items are needed, the device has %d at most; use another device"
              .formatted(id, GROUP_ITEMS, items));
    }
    return (int) Math.min(Integer.MAX_VALUE, items);
  }

  /**
   * Whether kernels can have halves. There are none for processors, and with other backends none
   * have been compiled.
   */
  static boolean halves(TornadoDevice device) {
    if (device.getDeviceType() == TornadoDeviceType.CPU) {
      return false;
    }
    return switch (device.getTornadoVMBackend()) {
      case CUDA -> true;
      case OPENCL -> extensions(device).contains("cl_khr_fp16");
      default -> false;
    };
  }

  /** What TornadoVM tells of a device, word by word; an OpenCL device's extensions are among it. */
  static List<String> extensions(TornadoDevice device) {
    return List.of(device.getPhysicalDevice().getDeviceInfo().split("\\s+"));
  }

  private static boolean recovers() {
    return Boolean.parseBoolean(System.getProperty("tornado.recover.bailout", "true"));
  }

  static DeviceInfo describe(int number, TornadoDevice device, Precision precision) {
    return new DeviceInfo(
        TornadoDevices.KIND + ":" + number,
        "%s by TornadoVM's %s backend"
            .formatted(
                device.getPhysicalDevice().getDeviceName().strip(), device.getTornadoVMBackend()),
        device.getMaxGlobalMemory(),
        device.getPhysicalDevice().getDeviceMaxComputeUnits(),
        precision,
        "");
  }
}
