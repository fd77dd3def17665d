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

  private final Context context;
  private final long module;
  private final Map<String, Kernel> kernels = new HashMap<>();
  private final Arena arena = Arena.ofShared();

  /** A value in each 8 bytes, from the lowest address on whatever its size. */
  private final MemorySegment values = arena.allocate(ValueLayout.JAVA_LONG, MAX_ARGUMENTS);

  /** The values' addresses: what cuLaunchKernel takes. */
  private final MemorySegment addresses = arena.allocate(ValueLayout.JAVA_LONG, MAX_ARGUMENTS);

  Kernels(Context context, long module) {
    this.context = context;
    this.module = module;
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
    int code =
        context.attempt(
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
    if (code != Cuda.SUCCESS) {
      throw context.failure("cuLaunchKernel of " + name, code);
    }
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
