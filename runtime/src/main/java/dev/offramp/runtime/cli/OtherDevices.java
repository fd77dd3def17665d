package dev.offramp.runtime.cli;

import dev.offramp.kernels.Device;
import java.util.ArrayList;
import java.util.List;

/** Devices of this runtime beside the benched one. */
record OtherDevices(List<Device> devices) implements AutoCloseable {
  /**
   * @throws dev.offramp.models.InputException if one cannot be opened
   */
  static OtherDevices open(List<String> ids, DeviceOption option) {
    OtherDevices opened = new OtherDevices(new ArrayList<>());
    try {
      ids.forEach(id -> opened.devices.add(option.openBeside(id)));
      return opened;
    } catch (RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  @Override
  public void close() {
    devices.forEach(Device::close);
  }
}
