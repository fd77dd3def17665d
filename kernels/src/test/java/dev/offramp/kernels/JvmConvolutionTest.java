package dev.offramp.kernels;

class JvmConvolutionTest extends ConvolutionConformance {
  @Override
  protected Device open() {
    return Devices.open("jvm", new DeviceOptions(2));
  }
}
