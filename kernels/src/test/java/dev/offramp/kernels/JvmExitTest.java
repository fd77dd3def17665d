package dev.offramp.kernels;

class JvmExitTest extends ExitConformance {
  @Override
  protected Device open() {
    return Devices.open("jvm", new DeviceOptions(2));
  }
}
