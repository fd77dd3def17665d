package dev.offramp.kernels;

class JvmOperationTest extends OperationConformance {
  @Override
  protected Device open() {
    return Devices.open("jvm", new DeviceOptions(2));
  }
}
