package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The CUDA program built by g++ and run on the processor: emulated_cuda.h and its neighbours say
 * how. What is a PTX instruction is replaced, everything else is the text that a GPU is given.
 */
final class EmulatedKernels {
  static final String ABSENT = "no g++ on the PATH; install it to run the CUDA kernels on a CPU";

  private static final Path FOLDER = Path.of("src/test/c").toAbsolutePath();
  private static final Map<Ptx.Program, EmulatedKernels> BUILT = new HashMap<>();

  private static final List<String> COMPILER =
      List.of(
          "g++",
          "-std=c++17",
          "-shared",
          "-fPIC",
          "-O2",
          "-march=native",
          "-fno-strict-aliasing",
          "-U_FORTIFY_SOURCE", // which has longjmp refuse to change stacks
          "-w");

  private static final FunctionDescriptor EMULATE =
      FunctionDescriptor.of(
          ValueLayout.ADDRESS,
          ValueLayout.ADDRESS,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_INT,
          ValueLayout.ADDRESS,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_INT);

  /** Pieces of the text, and what stands for them. */
  private static final Map<String, String> REPLACED =
      Map.of(
          KernelSources.read("tensor.cuh"),
          "#include \"emulated_tensor.h\"\n",
          KernelSources.read("warpgroup.cuh"),
          "#include \"emulated_warpgroup.h\"\n",
          "asm(\"cvt.f32.f16 %0, %1;\" : \"=f\"(f) : \"h\"(h));",
          "f = emulated_half_to_float(h);",
          "asm(\"cvt.rn.f16.f32 %0, %1;\" : \"=h\"(h) : \"f\"(f));",
          "h = emulated_float_to_half(f);",
          "asm volatile(\"griddepcontrol.wait;\\ngriddepcontrol.launch_dependents;\" ::: \"memory\")",
          "await_earlier()",
          // All other arrays in shared memory are declared in the kernels.
          "extern __shared__ __align__(128) unsigned char tiles[];",
          "",
          "extern __shared__ __align__(1024) unsigned char wide_tiles[];",
          "unsigned char* wide_tiles = tiles;");

  private final MethodHandle emulate;
  private final MethodHandle allocated;
  private final MethodHandle freed;

  private EmulatedKernels(SymbolLookup library) {
    emulate = function(library, "emulate", EMULATE);
    allocated =
        function(
            library,
            "allocated",
            FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    freed = function(library, "freed", FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
  }

  private static MethodHandle function(
      SymbolLookup library, String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), descriptor);
  }

  /**
   * The program for that precision as a device of that capability runs it, built once; skips the
   * test where there is no g++.
   */
  static synchronized EmulatedKernels of(int capability, Precision precision) {
    Precision storage = precision == Precision.F16 ? Precision.F16 : Precision.F32;
    return BUILT.computeIfAbsent(new Ptx.Program(capability, storage), EmulatedKernels::build);
  }

  private static EmulatedKernels build(Ptx.Program program) {
    // The kept PTX names the kernels, but for those that its architecture lacks.
    String kept = KernelSources.ptx(program.architecture(), program.precision());
    List<String> names = new ArrayList<>(Ptx.parse(kept).entries().keySet());
    boolean warpgroups = program.architecture() == 90 && program.precision() == Precision.F16;
    if (warpgroups) {
      GemmKernel.WARPGROUP.forEach(kernel -> names.add(kernel.name()));
    }
    List<String> macros = new ArrayList<>();
    macros.add("__CUDA_ARCH__=" + 10 * program.architecture());
    if (warpgroups) {
      macros.add("__CUDA_ARCH_FEAT_SM90_ALL");
    }
    return build("#define OVERLAP 1\n" + program.text(), names, macros);
  }

  /** Builds a program with these kernels. */
  static EmulatedKernels build(String text, List<String> names, List<String> macros) {
    try {
      Path folder = Files.createTempDirectory("emulated");
      Path source = folder.resolve("kernels.cpp");
      Path library = folder.resolve("libkernels.so");
      List.of(folder, source, library).forEach(path -> path.toFile().deleteOnExit());
      Files.writeString(source, emulated(text, names));
      List<String> command = new ArrayList<>(COMPILER);
      macros.forEach(macro -> command.add("-D" + macro));
      command.addAll(List.of("-I" + FOLDER, "-o", library.toString(), source.toString()));
      Process compiler = new ProcessBuilder(command).inheritIO().start();
      assertThat(compiler.waitFor()).as("exit code of g++").isZero();
      return new EmulatedKernels(SymbolLookup.libraryLookup(library, Arena.global()));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } catch (IOException e) {
      if (e.getMessage().contains("Cannot run program")) {
        System.err.println("SKIPPED a test of the CUDA kernels: " + ABSENT);
        abort(ABSENT);
      }
      throw new UncheckedIOException(e);
    }
  }

  /** The text with everything replaced that is PTX. */
  private static String emulated(String text, List<String> names) {
    String replaced = text;
    for (var part : REPLACED.entrySet()) {
      replaced = replaced.replace(part.getKey(), part.getValue());
    }
    assertThat(replaced).doesNotContain("asm", "extern __shared__");
    return "#include \"emulated_cuda.h\"\n%s\n#define KERNELS %s\n#include \"emulated_launch.h\"\n"
        .formatted(
            replaced,
            names.stream().map("KERNEL_OF(%s)"::formatted).collect(Collectors.joining(" ")));
  }

  /** Says that kernels may use that memory from now on. */
  void allocated(Memory memory) {
    call(() -> allocated.invoke(memory.handle(), memory.bytes()));
  }

  /** Says that they may no longer. */
  void freed(Memory memory) {
    call(() -> freed.invoke(memory.handle()));
  }

  private interface Call {
    void make() throws Throwable;
  }

  private static void call(Call call) {
    try {
      call.make();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs a kernel on all of the grid; the seed decides what a GPU leaves open. */
  void launch(String name, Grid grid, List<Object> arguments, int seed) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment addresses = arena.allocate(ValueLayout.ADDRESS, arguments.size());
      for (int i = 0; i < arguments.size(); i++) {
        MemorySegment value = arena.allocate(ValueLayout.JAVA_LONG);
        switch (arguments.get(i)) {
          case null -> {}
          case Memory memory -> value.set(ValueLayout.JAVA_LONG, 0, memory.handle());
          case Integer number -> value.set(ValueLayout.JAVA_INT, 0, number);
          case Float number -> value.set(ValueLayout.JAVA_FLOAT, 0, number);
          default -> throw new AssertionError(name + " is given " + arguments.get(i));
        }
        addresses.setAtIndex(ValueLayout.ADDRESS, i, value);
      }
      MemorySegment text = arena.allocateFrom(name);
      call(() -> {
        MemorySegment failure =
            (MemorySegment)
                emulate.invokeExact(
                    text,
                    grid.groupsX(),
                    grid.groupsY(),
                    grid.itemsX(),
                    grid.itemsY(),
                    grid.localBytes(),
                    addresses,
                    arguments.size(),
                    seed);
        if (failure.address() != 0) {
          throw new AssertionError(failure.reinterpret(256).getString(0));
        }
      });
    }
  }
}
