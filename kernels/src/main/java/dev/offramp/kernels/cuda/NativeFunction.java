package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * A function of a native library that returns a status. It is linked by its first call: probing
 * then pays for what it needs only.
 *
 * <p>A shape has a letter for each parameter: b is a char, i an int or an enum, l anything of 64
 * bits (a size_t, a handle, a device's address), p the address of a {@link MemorySegment}.
 */
final class NativeFunction {
  private final Library library;
  private final String name;
  private final String shape;
  private volatile MethodHandle handle;

  NativeFunction(Library library, String name, String shape) {
    this.library = library;
    this.name = name;
    this.shape = shape;
  }

  String name() {
    return name;
  }

  /**
   * Calls the function.
   *
   * @param arguments boxes of the types that the shape names
   * @return its status
   */
  int call(Object... arguments) {
    MethodHandle linked = handle;
    if (linked == null) {
      linked = link();
      handle = linked;
    }
    try {
      return (int) linked.invokeExact(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(name + " failed in the foreign linker", e);
    }
  }

  private MethodHandle link() {
    MemorySegment symbol =
        library
            .symbols()
            .find(name)
            .orElseThrow(() ->
                new DeviceException(
                    "%s has no function %s; install a newer version of it"
                        .formatted(library.name(), name)));
    MemoryLayout[] parameters =
        shape.chars().mapToObj(NativeFunction::layout).toArray(MemoryLayout[]::new);
    FunctionDescriptor descriptor = FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters);
    return Linker.nativeLinker()
        .downcallHandle(symbol, descriptor)
        .asSpreader(Object[].class, parameters.length);
  }

  private static MemoryLayout layout(int letter) {
    return switch (letter) {
      case 'b' -> ValueLayout.JAVA_BYTE;
      case 'i' -> ValueLayout.JAVA_INT;
      case 'l' -> ValueLayout.JAVA_LONG;
      case 'p' -> ValueLayout.ADDRESS;
      default -> throw new IllegalArgumentException("a parameter of type " + (char) letter);
    };
  }
}
