package dev.offramp.kernels.opencl;

import dev.offramp.kernels.gpu.Driver;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/**
 * The OpenCL loader of this machine.
 *
 * @param symbols its functions; null where no usable loader was found
 * @param problem why there is none, in a sentence, or an empty text
 */
record Library(SymbolLookup symbols, String problem) {
  static final List<String> NAMES =
      List.of(
          "libOpenCL.so.1",
          "libOpenCL.so",
          "OpenCL.dll",
          "/System/Library/Frameworks/OpenCL.framework/OpenCL");

  /** Functions that only a loader of OpenCL 1.2 or later has. */
  private static final List<String> NEWEST =
      List.of("clEnqueueFillBuffer", "clEnqueueMarkerWithWaitList");

  private static final class Holder {
    static final Library FOUND = find(NAMES);
  }

  /** Looks for the loader at the first call. */
  static Library get() {
    return Holder.FOUND;
  }

  boolean present() {
    return symbols != null;
  }

  static Library find(List<String> names) {
    for (String name : names) {
      SymbolLookup symbols;
      try {
        symbols = SymbolLookup.libraryLookup(name, Arena.global());
      } catch (IllegalArgumentException e) {
        continue;
      } catch (IllegalCallerException e) {
        return absent(Driver.NO_NATIVE_ACCESS + ".");
      }
      for (String function : NEWEST) {
        if (symbols.find(function).isEmpty()) {
          return absent(
              name + " has no " + function + ", so it is older than OpenCL 1.2; update it.");
        }
      }
      return new Library(symbols, "");
    }
    return absent(
        "No OpenCL loader was found (tried "
            + String.join(", ", names)
            + "); install ocl-icd-libopencl1 or the GPU driver.");
  }

  private static Library absent(String problem) {
    return new Library(null, problem);
  }

  /** A function of the loader, which must be present. */
  static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
    return Linker.nativeLinker()
        .downcallHandle(
            get().symbols().findOrThrow(name), FunctionDescriptor.of(result, parameters));
  }
}
