package dev.offramp.kernels;

class JvmImageTest extends ImageConformance {
  @Override
  protected Device open() {
    return Devices.open("jvm", new DeviceOptions(2));
  }
}
