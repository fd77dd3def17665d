package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Recording;
import java.util.List;
import java.util.function.Supplier;

/** A list of operations, which a replay submits to the device once more. */
final class JvmRecording implements Recording {
  private final JvmDevice device;
  private List<Supplier<Work>> operations;

  JvmRecording(JvmDevice device, List<Supplier<Work>> operations) {
    this.device = device;
    this.operations = operations;
  }

  @Override
  public void replay() {
    if (operations == null) {
      throw new IllegalStateException("replay: the recording is closed");
    }
    device.submit(operations);
  }

  @Override
  public void close() {
    operations = null;
  }
}
