package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Device;
import java.util.ArrayList;
import java.util.List;

/**
 * Activations of the rows of a store: buffers of one stride of rows each, as the layers that made
 * them know them.
 */
final class Activations implements AutoCloseable {
  private final List<Buffer> buffers = new ArrayList<>();

  /**
   * Allocates buffers.
   *
   * @param widths numbers of a row in each of them
   */
  static Activations allocate(Device device, int capacity, long... widths) {
    try (var scope = new Scope()) {
      Activations made = scope.add(new Activations());
      for (long width : widths) {
        made.buffers.add(device.allocate(device.activations(), capacity * width));
      }
      scope.release();
      return made;
    }
  }

  Buffer at(int buffer) {
    return buffers.get(buffer);
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
  }
}
