package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Copies both ways keep every byte, at any element, from and to any memory. */
final class CopyCases {
  private CopyCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (DataType type : DataType.values()) {
      for (int elements : new int[] {1, 7, 127, 129}) {
        cases.add(copy("copyIn", type, elements));
        cases.add(copy("copyOut", type, elements));
      }
    }
    // More than a staging buffer holds.
    cases.add(copy("copyIn", DataType.F32, 3_000_001));
    cases.add(copy("copyOut", DataType.F32, 3_000_001));
    cases.add(
        new Case("copyOut", "129 queued, native", Tolerance.EXACT, side -> queued(side, true)));
    cases.add(
        new Case("copyOut", "129 queued, heap", Tolerance.EXACT, side -> queued(side, false)));
    return cases;
  }

  /** Of the two, the one that is not tested moves the whole buffer. */
  private static Case copy(String operation, DataType type, int elements) {
    String shape = "%s, %d elements at 3".formatted(type, elements);
    boolean in = operation.equals("copyIn");
    return new Case(
        operation,
        shape,
        Tolerance.EXACT,
        side -> {
          int size = type.bytes();
          byte[] part = bytes(side, elements * size);
          byte[] whole = bytes(side, (elements + 5) * size);
          Buffer buffer = side.open(side.device.allocate(type, elements + 5));
          zeroed(side, buffer);
          side.device.copyIn(MemorySegment.ofArray(whole), buffer, 0).await();
          if (in) {
            side.device.copyIn(MemorySegment.ofArray(part), buffer, 3).await();
            System.arraycopy(part, 0, whole, 3 * size, part.length);
            byte[] actual = new byte[whole.length];
            side.device.copyOut(buffer, 0, MemorySegment.ofArray(actual)).await();
            same(whole, actual);
          } else {
            side.device.copyOut(buffer, 3, MemorySegment.ofArray(part)).await();
            same(Arrays.copyOfRange(whole, 3 * size, (3 + elements) * size), part);
          }
        });
  }

  private static void zeroed(Side side, Buffer buffer) {
    byte[] actual = new byte[(int) buffer.elements() * buffer.type().bytes()];
    Arrays.fill(actual, (byte) 1);
    side.device.copyOut(buffer, 0, MemorySegment.ofArray(actual)).await();
    same(new byte[actual.length], actual);
  }

  /** Many copies, of which only the last is waited for: that is enough for all before it. */
  private static void queued(Side side, boolean outsideTheHeap) {
    int parts = 129;
    byte[] expected = bytes(side, parts * 4);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment source = arena.allocateFrom(ValueLayout.JAVA_BYTE, expected);
      MemorySegment target = arena.allocate(expected.length, 4);
      if (!outsideTheHeap) {
        source = MemorySegment.ofArray(expected.clone());
        target = MemorySegment.ofArray(new byte[expected.length]);
      }
      Buffer buffer = side.open(side.device.allocate(DataType.I32, parts));
      for (int i = 0; i < parts; i++) {
        side.device.copyIn(source.asSlice(4L * i, 4), buffer, i);
      }
      for (int i = 0; i < parts - 1; i++) {
        side.device.copyOut(buffer, i, target.asSlice(4L * i, 4));
      }
      side.device.copyOut(buffer, parts - 1, target.asSlice(4L * (parts - 1), 4)).await();
      same(expected, target.toArray(ValueLayout.JAVA_BYTE));
    }
  }

  private static byte[] bytes(Side side, int count) {
    byte[] bytes = new byte[count];
    side.random.nextBytes(bytes);
    return bytes;
  }

  private static void same(byte[] expected, byte[] actual) {
    int at = Arrays.mismatch(expected, actual);
    Side.require(at < 0, "byte %d did not come back as it was sent", at);
  }
}
