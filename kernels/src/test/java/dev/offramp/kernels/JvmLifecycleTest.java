package dev.offramp.kernels;

class JvmLifecycleTest extends LifecycleConformance {
  @Override
  protected Device open() {
    return Devices.open("jvm", new DeviceOptions(2));
  }
}
