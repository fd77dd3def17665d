package dev.offramp.kernels.tornado;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.util.HashMap;
import java.util.Map;
import uk.ac.manchester.tornado.api.common.Access;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.runtime.common.XPUDeviceBufferState;

/** Memory of a device by its handle. */
final class Memories {
  private final TornadoDevice device;
  private final Map<Long, XPUDeviceBufferState> states = new HashMap<>();
  private long last;

  Memories(TornadoDevice device) {
    this.device = device;
  }

  Memory allocate(long bytes) {
    XPUDeviceBufferState state = new XPUDeviceBufferState();
    // The array only tells the kind of memory: its size is that of the batch.
    device.allocate(new ByteArray(1), bytes, state, Access.READ_WRITE);
    // What the driver said only its log knows.
    if (state.getXPUBuffer().toBuffer() == 0) {
      throw new DeviceException("the driver gave no memory; use a smaller batch or another device");
    }
    states.put(++last, state);
    return new Memory(last, bytes);
  }

  /** Null if it was freed. */
  XPUBuffer buffer(Memory memory) {
    XPUDeviceBufferState state = states.get(memory.handle());
    return state == null ? null : state.getXPUBuffer();
  }

  /** Nothing queued may use it any more. */
  void free(Memory memory) {
    XPUDeviceBufferState state = states.remove(memory.handle());
    if (state != null) {
      device.deallocate(state);
    }
  }

  void freeAll() {
    states.values().forEach(device::deallocate);
    states.clear();
  }
}
