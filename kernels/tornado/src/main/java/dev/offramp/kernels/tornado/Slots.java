package dev.offramp.kernels.tornado;

import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;

/** Memory with the numbers of calls. */
final class Slots {
  /** Calls whose numbers are kept at a time. */
  private static final int COUNT = 256;

  private final Memories memories;
  private final Copies copies;
  private final Runnable sync;
  private final List<Memory> slots = new ArrayList<>();
  private final ByteArray array = new ByteArray((int) (COUNT * Call.BYTES));
  private int next;

  /**
   * @param sync waits for the device
   */
  Slots(Memories memories, Copies copies, Runnable sync) {
    this.memories = memories;
    this.copies = copies;
    this.sync = sync;
  }

  /** Memory with the numbers of a call, until so many more calls were made. */
  Memory take(Call call) {
    if (next == COUNT) {
      sync.run();
      next = 0;
    }
    if (next == slots.size()) {
      slots.add(memories.allocate(Call.BYTES));
    }
    Memory slot = slots.get(next);
    MemorySegment part = array.getSegment().asSlice(next * Call.BYTES, Call.BYTES);
    call.putNumbers(part);
    copies.write(array, part, memories.buffer(slot), 0);
    next++;
    return slot;
  }

  /** Memory with the numbers of each call, to be freed. */
  List<Memory> keep(List<Call> calls) {
    ByteArray all = new ByteArray(Math.toIntExact(calls.size() * Call.BYTES));
    List<Memory> kept = new ArrayList<>();
    try {
      for (Call call : calls) {
        Memory memory = memories.allocate(Call.BYTES);
        MemorySegment part = all.getSegment().asSlice(kept.size() * Call.BYTES, Call.BYTES);
        kept.add(memory);
        call.putNumbers(part);
        copies.write(all, part, memories.buffer(memory), 0);
      }
      sync.run();
    } catch (RuntimeException e) {
      kept.forEach(memories::free);
      throw e;
    } finally {
      Reference.reachabilityFence(all); // The copies hold nothing.
    }
    return kept;
  }
}
