package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Recording;
import java.util.List;
import java.util.function.Supplier;

/** A list of operations; submitting them to the device once more is all that a replay is. */
final class JvmRecording implements Recording {
  private final JvmDevice device;
  private List<Supplier<Runnable>> operations;

  JvmRecording(JvmDevice device, List<Supplier<Runnable>> operations) {
    this.device = device;
    this.operations = operations;
  }

  @Override
  public void replay() {
    if (operations == null) {
      throw new IllegalStateException("replay: the recording is closed");
    }
    operations.forEach(device::submit);
  }

  @Override
  public void close() {
    operations = null;
  }
}
