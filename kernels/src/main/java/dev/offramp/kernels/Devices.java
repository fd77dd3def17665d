package dev.offramp.kernels;

import static java.util.Objects.requireNonNull;

import dev.offramp.kernels.cuda.CudaDevices;
import dev.offramp.kernels.jvm.JvmDevice;
import dev.offramp.kernels.opencl.OpenClDevices;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds and opens devices by name. */
public final class Devices {
  private static final Pattern NUMBERED = Pattern.compile("(cuda|opencl):(\\d{1,3})");

  private Devices() {}

  /** {@link #open(String, DeviceOptions)} with default options. */
  public static Device open(String id) {
    return open(id, DeviceOptions.defaults());
  }

  /**
   * Opens a device.
   *
   * @param id {@code jvm}, {@code opencl:N}, {@code cuda:N}, or {@code auto} for the first that
   *     {@link #probe} accepts
   * @throws DeviceException if there is no such device here; the message says what there is
   */
  public static Device open(String id, DeviceOptions options) {
    requireNonNull(id, "id is null");
    requireNonNull(options, "options is null");
    if (id.equals("jvm")) {
      return new JvmDevice(options);
    }
    if (id.equals("auto")) {
      Probe first = probe().stream().filter(Probe::accepted).findFirst().orElseThrow();
      return open(first.id(), options);
    }
    Matcher numbered = NUMBERED.matcher(id);
    if (!numbered.matches()) {
      throw new DeviceException(
          "There is no device '"
              + id
              + "'. Devices are jvm (the processor, needs nothing installed), opencl:N and cuda:N"
              + " with N counted from 0, and auto for the fastest one present;"
              + " 'offramp doctor' lists those of this machine.");
    }
    int number = Integer.parseInt(numbered.group(2));
    return numbered.group(1).equals("cuda")
        ? CudaDevices.open(number, options)
        : OpenClDevices.open(number, options);
  }

  /**
   * Looks for every kind of device, the fastest first, without keeping any open: CUDA, OpenCL
   * devices that are no CPU, jvm, OpenCL CPUs.
   */
  public static List<Probe> probe() {
    DeviceInfo jvm = JvmDevice.describe(DeviceOptions.defaults());
    String reason =
        "%s, %d threads. %s".formatted(jvm.description(), jvm.computeUnits(), jvm.note()).strip();
    List<Probe> probes = new ArrayList<>(CudaDevices.probe());
    List<Probe> openCl = OpenClDevices.probe();
    openCl.stream().filter(p -> !p.processor()).forEach(probes::add);
    probes.add(new Probe(jvm.id(), true, reason, jvm, true));
    openCl.stream().filter(Probe::processor).forEach(probes::add);
    return probes;
  }
}
