package dev.offramp.kernels.tornado;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.function.Supplier;

/**
 * Where TornadoVM's native libraries print to. They report what a driver refuses on stdout, which
 * is for results: a script that reads JSON must not meet it there.
 */
final class NativeOutput {
  private static final int STDOUT = 1;
  private static final int STDERR = 2;

  private NativeOutput() {}

  /** Runs the action with the process's stdout being its stderr, where the system has dup2. */
  static <T> T toStderr(Supplier<T> action) {
    Linker linker = Linker.nativeLinker();
    if (linker.defaultLookup().find("dup2").isEmpty()) {
      return action.get();
    }
    MethodHandle dup = handle(linker, "dup", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    MethodHandle dup2 = handle(linker, "dup2", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    MethodHandle close = handle(linker, "close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    MethodHandle flush = handle(linker, "fflush", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    System.out.flush();
    int results = call(dup, STDOUT);
    if (results < 0) {
      return action.get(); // There is no stdout to keep clean.
    }
    try {
      call(dup2, STDERR, STDOUT);
      return action.get();
    } finally {
      call(flush, MemorySegment.NULL); // All of C's streams.
      call(dup2, results, STDOUT);
      call(close, results);
    }
  }

  private static MethodHandle handle(Linker linker, String name, FunctionDescriptor descriptor) {
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }

  private static int call(MethodHandle handle, Object... arguments) {
    try {
      return (int) handle.invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new AssertionError("a call of the C library failed in Java", e);
    }
  }
}
