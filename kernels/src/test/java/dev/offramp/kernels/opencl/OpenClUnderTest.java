package dev.offramp.kernels.opencl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.GpuDevice;
import dev.offramp.kernels.gpu.KernelSources;

/** Opens the OpenCL device that the suites run on, or skips them with the reason. */
public final class OpenClUnderTest {
  private OpenClUnderTest() {}

  /** The device as users have it. */
  public static Device open(Precision precision) {
    return OpenClDevices.open(Present.number(), new DeviceOptions(1).with(precision));
  }

  /**
   * A processor with the kernels that graphics cards get, which differ from its own. Loops are not
   * unrolled: PoCL, which puts loops over a group's items around everything between barriers, would
   * compile for minutes.
   */
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
    String text = KernelSources.text(accelerator.traits(), precision);
    String rolled = text.replaceAll("_Pragma\\(\"unroll.*\"\\)", "");
    assertThat(rolled).isNotEqualTo(text);
    return new GpuDevice(
        new OpenClDriver(accelerator, precision, rolled), new DeviceOptions(1).with(precision));
  }
}
