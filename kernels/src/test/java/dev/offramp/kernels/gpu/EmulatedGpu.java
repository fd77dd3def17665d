package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A CUDA device whose kernels run on the processor, each at once when it is launched. Memory is the
 * host's, between guards that must come out as they were; it starts as NaN.
 */
public final class EmulatedGpu implements ImmediateDriver {
  private static final long MEMORY_BYTES = 1L << 30;
  private static final int GUARD_BYTES = 4096;
  private static final byte GUARD = (byte) 0xff;

  private final int capability;
  private final DeviceInfo info;
  private final EmulatedKernels kernels;
  private final Random random;
  private final String idle;
  private final Map<Long, Block> blocks = new HashMap<>();
  private List<Runnable> capturing;
  private long used;

  /** The table of live rows that products were last measured with. */
  private Memory measured;

  private record Block(Arena arena, MemorySegment whole) {
    MemorySegment content() {
      return whole.asSlice(GUARD_BYTES, whole.byteSize() - 2 * GUARD_BYTES);
    }
  }

  private EmulatedGpu(int capability, Precision precision, String idle) {
    this.capability = capability;
    this.idle = idle;
    info = new DeviceInfo("cuda:0", "an emulated GPU", MEMORY_BYTES, 4, precision, "");
    kernels = EmulatedKernels.of(capability, precision);
    long seed = Long.getLong("offramp.seed", System.nanoTime());
    System.out.println("EmulatedGpu: offramp.seed=" + seed);
    random = new Random(seed);
  }

  /**
   * A device of that compute capability, times ten; skips the test where the program cannot be
   * built.
   */
  public static Device open(int capability, Precision precision) {
    return open(capability, precision, "");
  }

  /**
   * The same where one kernel does nothing.
   *
   * @param idle its name
   */
  public static Device open(int capability, Precision precision, String idle) {
    return new GpuDevice(
        new EmulatedGpu(capability, precision, idle), new DeviceOptions(1, precision, null));
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public Traits traits() {
    return new Traits(Traits.Dialect.CUDA, false, 1024, 227 << 10, capability, capability == 90);
  }

  @Override
  public Memory allocate(long bytes) {
    if (used + bytes > MEMORY_BYTES) {
      throw new DeviceException("cuda:0: %,d bytes: out of memory".formatted(bytes));
    }
    used += bytes;
    Arena arena = Arena.ofShared();
    Block block = new Block(arena, arena.allocate(bytes + 2 * GUARD_BYTES, 256));
    block.whole().fill(GUARD);
    long address = block.content().address();
    blocks.put(address, block);
    Memory memory = new Memory(address, bytes);
    kernels.allocated(memory);
    return memory;
  }

  @Override
  public void free(Memory memory) {
    Block block = blocks.remove(memory.handle());
    if (memory.equals(measured)) {
      measured = null;
    }
    if (block == null) {
      throw new AssertionError("memory is freed twice");
    }
    kernels.freed(memory);
    used -= memory.bytes();
    MemorySegment whole = block.whole();
    for (int i = 0; i < GUARD_BYTES; i++) {
      if (whole.get(ValueLayout.JAVA_BYTE, i) != GUARD
          || whole.get(ValueLayout.JAVA_BYTE, whole.byteSize() - 1 - i) != GUARD) {
        throw new AssertionError("a kernel wrote beyond %,d bytes".formatted(memory.bytes()));
      }
    }
    block.arena().close();
  }

  private MemorySegment content(Memory memory) {
    return blocks.get(memory.handle()).content();
  }

  @Override
  public void zero(Memory memory, long offset, long bytes) {
    content(memory).asSlice(offset, bytes).fill((byte) 0);
  }

  @Override
  public void write(MemorySegment source, Memory target, long offset) {
    content(target).asSlice(offset, source.byteSize()).copyFrom(source);
  }

  @Override
  public void read(Memory source, long offset, MemorySegment target) {
    target.copyFrom(content(source).asSlice(offset, target.byteSize()));
  }

  @Override
  public void launch(String kernel, Grid grid, Object... arguments) {
    List<Object> given = new ArrayList<>(Arrays.asList(arguments));
    if (kernel.equals("identity")) {
      measured = (Memory) given.getFirst();
    }
    Runnable run =
        given.getFirst().equals(measured) && !kernel.equals("identity")
            ? this::whatever
            : () -> kernels.launch(kernel, grid, given, random.nextInt());
    if (kernel.equals(idle)) {
      return;
    }
    if (capturing != null) {
      capturing.add(run);
    } else {
      run.run();
    }
  }

  /**
   * In place of a product that is only measured, which would take long here: so the choice among
   * kernels is left to chance, and each of them gets its turn.
   */
  private void whatever() {
    long end = System.nanoTime() + random.nextInt(20_000);
    while (System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }

  @Override
  public void beginCapture() {
    capturing = new ArrayList<>();
  }

  @Override
  public Captured endCapture() {
    List<Runnable> captured = capturing;
    capturing = null;
    return new Captured() {
      @Override
      public void launch() {
        captured.forEach(Runnable::run);
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public void abandonCapture() {
    capturing = null;
  }

  @Override
  public void close() {
    List.copyOf(blocks.keySet())
        .forEach(address -> free(new Memory(address, blocks.get(address).content().byteSize())));
  }
}
