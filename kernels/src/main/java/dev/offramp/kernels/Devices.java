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
  private static final Pattern NUMBERED = Pattern.compile("([a-z]+):(\\d{1,3})");

  private Devices() {}

  /** {@link #open(String, DeviceOptions)} with default options. */
  public static Device open(String id) {
    return open(id, DeviceOptions.defaults());
  }

  /**
   * Opens a device.
   *
   * @param id {@code jvm}, {@code opencl:N}, {@code cuda:N}, {@code KIND:N} of a {@link
   *     DeviceProvider} such as {@code tornado:N}, or {@code auto} for the first that {@link
   *     #probe} accepts
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
      throw unknown(id);
    }
    int number = Integer.parseInt(numbered.group(2));
    return switch (numbered.group(1)) {
      case "cuda" -> CudaDevices.open(number, options);
      case "opencl" -> OpenClDevices.open(number, options);
      case String kind -> Providers.find(kind).orElseThrow(() -> unknown(id)).open(number, options);
    };
  }

  private static DeviceException unknown(String id) {
    return new DeviceException(
        "There is no device '"
            + id
            + "'. Devices are jvm (the processor, needs nothing installed), opencl:N, cuda:N and"
            + " tornado:N with N counted from 0, and auto for the fastest one present;"
            + " 'offramp doctor' lists those of this machine.");
  }

  /**
   * Looks for every kind of device, the fastest first, without keeping any open: CUDA, OpenCL
   * devices that are no CPU, jvm, OpenCL CPUs. Those of a {@link DeviceProvider} come last, after
   * the jvm device that is always there: {@code auto} never means one of them, they are an explicit
   * choice.
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
    probes.addAll(Providers.probe());
    return probes;
  }
}
