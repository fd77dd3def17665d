package dev.offramp.kernels.tornado;

import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.common.Access;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.memory.XPUBuffer;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;
import uk.ac.manchester.tornado.runtime.common.XPUDeviceBufferState;

/**
 * Copies of a part of some host memory to a part of a device's. TornadoVM copies whole arrays, or
 * from their start on; a buffer of its that is laid over another's memory begins where it is told.
 */
final class Copies {
  private static final long HEADER = TornadoNativeArray.ARRAY_HEADER;

  private final TornadoDevice device;
  private final long plan;
  private final XPUDeviceBufferState own = new XPUDeviceBufferState();
  private final XPUBuffer window;
  private final long ownMemory;

  Copies(TornadoDevice device, long plan) {
    this.device = device;
    this.plan = plan;
    device.allocate(new ByteArray(1), 0, own, Access.READ_WRITE);
    window = own.getXPUBuffer();
    ownMemory = window.toBuffer();
  }

  /**
   * Queues a copy of a part of the array, which must stay as it is, and reachable, until it is
   * done. Such a write of TornadoVM's adds the header itself, and writes the target's header too,
   * which no kernel reads.
   */
  void write(ByteArray array, MemorySegment part, XPUBuffer target, long at) {
    lay(target, at, part.byteSize());
    window.enqueueWrite(plan, array, part.byteSize(), offset(array, part), null, false);
  }

  /** Copies to a part of the array once everything queued before is done; waits for it. */
  void read(XPUBuffer source, long at, ByteArray array, MemorySegment part) {
    lay(source, at + HEADER, part.byteSize());
    window.read(plan, array, offset(array, part) + HEADER, 0, null, false);
  }

  private void lay(XPUBuffer over, long at, long bytes) {
    window.setBuffer(new XPUBuffer.XPUBufferWrapper(over.toBuffer(), at));
    window.setSizeSubRegion(bytes);
  }

  private static long offset(ByteArray array, MemorySegment part) {
    return part.address() - array.getSegment().address();
  }

  void close() {
    window.setBuffer(new XPUBuffer.XPUBufferWrapper(ownMemory, 0));
    device.deallocate(own);
  }
}
