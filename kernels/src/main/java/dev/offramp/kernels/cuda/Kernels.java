package dev.offramp.kernels.cuda;

import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/** Launches the functions of a module; arguments are passed in one block of native memory. */
final class Kernels implements AutoCloseable {
  private static final int MAX_ARGUMENTS = 32;

  // CUlaunchConfig: seven unsigned int, a CUstream, a CUlaunchAttribute*, an unsigned int.
  static final int CONFIG_STREAM = 32;
  static final int CONFIG_ATTRIBUTES = 40;
  static final int CONFIG_ATTRIBUTE_COUNT = 48;
  static final int CONFIG_BYTES = 56;

  // CUlaunchAttribute: an enum, and a union of 64 bytes.
  static final int ATTRIBUTE_VALUE = 8;
  static final int ATTRIBUTE_BYTES = 72;

  private final Context context;
  private final long module;
  private final Map<String, Kernel> kernels = new HashMap<>();
  private final Arena arena = Arena.ofShared();

  /** A value in each 8 bytes, from the lowest address on whatever its size. */
  private final MemorySegment values = arena.allocate(ValueLayout.JAVA_LONG, MAX_ARGUMENTS);

  /** The values' addresses: what cuLaunchKernel takes. */
  private final MemorySegment addresses = arena.allocate(ValueLayout.JAVA_LONG, MAX_ARGUMENTS);

  /** A CUlaunchConfig; null where kernels run one after the other. */
  private final MemorySegment config;

  /**
   * @param overlap whether a kernel may start while the one before it still runs; all kernels wait
   *     for it by themselves then
   */
  Kernels(Context context, long module, boolean overlap) {
    this.context = context;
    this.module = module;
    config = overlap ? overlapping() : null;
    for (int i = 0; i < MAX_ARGUMENTS; i++) {
      addresses.setAtIndex(ValueLayout.JAVA_LONG, i, values.address() + (long) Long.BYTES * i);
    }
  }

  void launch(long stream, String name, Grid grid, Object... arguments) {
    Kernel kernel = kernels.get(name);
    if (kernel == null) {
      kernel = new Kernel(function(name));
      kernels.put(name, kernel);
    }
    if (grid.localBytes() > kernel.localBytes) {
      int code =
          context.attempt(
              context.cuda.funcSetAttribute,
              kernel.function,
              Cuda.MAX_DYNAMIC_SHARED_SIZE_BYTES,
              grid.localBytes());
      if (code != Cuda.SUCCESS) {
        throw context.failure(
            "cuFuncSetAttribute of %s to %d bytes of shared memory"
                .formatted(name, grid.localBytes()),
            code);
      }
      kernel.localBytes = grid.localBytes();
    }
    set(name, arguments);
    int code = config == null ? launch(kernel, grid, stream) : overlap(kernel, grid, stream);
    if (code != Cuda.SUCCESS) {
      NativeFunction call =
          config == null ? context.cuda.launchKernel : context.cuda.launchKernelEx;
      throw context.failure(call.name() + " of " + name, code);
    }
  }

  private int launch(Kernel kernel, Grid grid, long stream) {
    return context.attempt(
        context.cuda.launchKernel,
        kernel.function,
        grid.groupsX(),
        grid.groupsY(),
        1,
        grid.itemsX(),
        grid.itemsY(),
        1,
        grid.localBytes(),
        stream,
        addresses,
        MemorySegment.NULL);
  }

  /** The same, and it may start before the kernel that was launched before it has ended. */
  private int overlap(Kernel kernel, Grid grid, long stream) {
    int[] sizes = {
      grid.groupsX(), grid.groupsY(), 1, grid.itemsX(), grid.itemsY(), 1, grid.localBytes()
    };
    MemorySegment.copy(sizes, 0, config, ValueLayout.JAVA_INT, 0, sizes.length);
    config.set(ValueLayout.JAVA_LONG, CONFIG_STREAM, stream);
    return context.attempt(
        context.cuda.launchKernelEx, config, kernel.function, addresses, MemorySegment.NULL);
  }

  /** A configuration whose one attribute says so; the CUlaunchAttribute lies behind it. */
  private MemorySegment overlapping() {
    MemorySegment both = arena.allocate(CONFIG_BYTES + ATTRIBUTE_BYTES, Long.BYTES);
    both.set(ValueLayout.JAVA_LONG, CONFIG_ATTRIBUTES, both.address() + CONFIG_BYTES);
    both.set(ValueLayout.JAVA_INT, CONFIG_ATTRIBUTE_COUNT, 1);
    both.set(ValueLayout.JAVA_INT, CONFIG_BYTES, Cuda.LAUNCH_PROGRAMMATIC_STREAM_SERIALIZATION);
    both.set(ValueLayout.JAVA_INT, CONFIG_BYTES + ATTRIBUTE_VALUE, 1);
    return both;
  }

  private void set(String name, Object... arguments) {
    if (arguments.length > MAX_ARGUMENTS) {
      throw new IllegalArgumentException(
          "%s is given %d arguments, at most %d are possible"
              .formatted(name, arguments.length, MAX_ARGUMENTS));
    }
    for (int i = 0; i < arguments.length; i++) {
      long at = (long) Long.BYTES * i;
      switch (arguments[i]) {
        case Memory memory -> values.set(ValueLayout.JAVA_LONG, at, memory.handle());
        case Integer number -> values.set(ValueLayout.JAVA_INT, at, number);
        case Float number -> values.set(ValueLayout.JAVA_FLOAT, at, number);
        case null -> values.set(ValueLayout.JAVA_LONG, at, 0);
        default ->
            throw new IllegalArgumentException(
                "%s is given a %s".formatted(name, arguments[i].getClass().getSimpleName()));
      }
    }
  }

  private long function(String name) {
    try (Arena call = Arena.ofConfined()) {
      int code =
          context.attempt(
              context.cuda.moduleGetFunction, context.out(), module, call.allocateFrom(name));
      if (code != Cuda.SUCCESS) {
        throw context.failure("cuModuleGetFunction of " + name, code);
      }
      return context.result();
    }
  }

  /** Unloads the module; no launch may be pending. */
  @Override
  public void close() {
    context.release(context.cuda.moduleUnload, module);
    arena.close();
  }

  /** A CUfunction, and the shared memory it has been allowed. */
  private static final class Kernel {
    final long function;
    int localBytes;

    Kernel(long function) {
      this.function = function;
    }
  }
}
