package dev.offramp.kernels.opencl;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.GpuDevice;

/** Opens the OpenCL device that the suites run on, or skips them with the reason. */
public final class OpenClUnderTest {
  private OpenClUnderTest() {}

  /** The device as users have it. */
  public static Device open(Precision precision) {
    return OpenClDevices.open(Present.number(), new DeviceOptions(1).with(precision));
  }

  /** A processor with the kernels that graphics cards get, which differ from its own. */
  public static Device openAsAccelerator(Precision precision) {
    Present.number();
    Candidate c = Present.candidate();
    Candidate accelerator =
        new Candidate(
            c.number(),
            c.handle(),
            c.platform(),
            c.name(),
            c.version(),
            c.driver(),
            false,
            c.usable(),
            c.compiler(),
            c.littleEndian(),
            c.computeUnits(),
            c.maxGroupItems(),
            c.memoryBytes(),
            c.maxBufferBytes(),
            c.localBytes());
    return new GpuDevice(
        new OpenClDriver(accelerator, precision), new DeviceOptions(1).with(precision));
  }
}
