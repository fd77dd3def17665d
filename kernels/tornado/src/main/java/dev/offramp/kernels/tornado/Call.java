package dev.offramp.kernels.tornado;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A launch of a kernel. TornadoVM compiles numbers into kernels as constants, so they are put into
 * memory: ints, last of them a word of flags, and from place {@link #FLOATS} on floats. The flags
 * are a bit for each memory argument that is missing, and {@link #PANELS}.
 *
 * @param memory with nulls
 */
record Call(String kernel, Grid grid, List<Integer> ints, List<Float> floats, List<Memory> memory) {
  /** First of the floats, among words. */
  static final int FLOATS = 24;

  /** Set for processors, whose weights lie in panels of 32 outputs. */
  static final int PANELS = 1 << 30;

  /** Bytes of the numbers of a launch. */
  static final long BYTES = 4 * (FLOATS + 8);

  static Call of(String kernel, Grid grid, boolean panels, Object... arguments) {
    List<Integer> ints = new ArrayList<>();
    List<Float> floats = new ArrayList<>();
    List<Memory> memory = new ArrayList<>();
    int flags = panels ? PANELS : 0;
    for (Object argument : arguments) {
      switch (argument) {
        case Integer number -> ints.add(number);
        case Float number -> floats.add(number);
        case Memory present -> memory.add(present);
        case null -> {
          flags |= 1 << memory.size();
          memory.add(null);
        }
        default ->
            throw new IllegalArgumentException(kernel + ": an argument is " + argument.getClass());
      }
    }
    ints.add(flags);
    if (ints.size() > FLOATS || floats.size() > 8) {
      throw new IllegalArgumentException(kernel + ": too many numbers");
    }
    return new Call(kernel, grid, ints, floats, memory);
  }

  /** Of the task, at most: context, numbers as ints and as floats, and operands. */
  int parameters() {
    return 3 + memory.size();
  }

  /** Whether a library does it: then its ints are part of its task. */
  boolean library() {
    return kernel.equals(KernelTable.SGEMM);
  }

  /** Writes the numbers to {@link #BYTES} bytes. */
  void putNumbers(MemorySegment target) {
    for (int i = 0; i < ints.size(); i++) {
      target.set(JAVA_INT_UNALIGNED, 4L * i, ints.get(i));
    }
    for (int i = 0; i < floats.size(); i++) {
      target.set(JAVA_FLOAT_UNALIGNED, 4L * (FLOATS + i), floats.get(i));
    }
  }
}
