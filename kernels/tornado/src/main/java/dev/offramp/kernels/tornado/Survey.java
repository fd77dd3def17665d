package dev.offramp.kernels.tornado;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** What TornadoVM's runtime finds. */
final class Survey {
  private Survey() {}

  /**
   * All devices, backend after backend; the first is the number 0.
   *
   * @throws DeviceException if there is none
   */
  static List<TornadoDevice> devices() {
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
