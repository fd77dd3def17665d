package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class OpenClDriverTest extends DriverRig {
  @Test
  void copiesBothWaysWithOffsets() {
    int bytes = 10_007;
    byte[] expected = new byte[bytes];
    Memory memory = driver.allocate(bytes);
    driver.zero(memory, 0, bytes);
    try (Pinned in = driver.pinned(bytes);
        Pinned out = driver.pinned(bytes)) {
      assertThat(in.segment().toArray(JAVA_BYTE)).containsOnly(0);
      for (int round = 0; round < 50; round++) {
        int length = random.nextInt(1, 3_000);
        int from = random.nextInt(bytes - length);
        int to = random.nextInt(bytes - length);
        byte[] data = new byte[length];
        random.nextBytes(data);
        MemorySegment slice = in.segment().asSlice(from, length);
        slice.copyFrom(MemorySegment.ofArray(data));
        driver.write(slice, memory, to);
        System.arraycopy(data, 0, expected, to, length);
        int zeros = random.nextInt(64);
        int at = random.nextInt(bytes - zeros);
        driver.zero(memory, at, zeros);
        Arrays.fill(expected, at, at + zeros, (byte) 0);
        driver.read(memory, to, out.segment().asSlice(from, length));
        await();
        assertThat(out.segment().asSlice(from, length).toArray(JAVA_BYTE))
            .isEqualTo(Arrays.copyOfRange(expected, to, to + length));
      }
      driver.read(memory, 0, out.segment());
      await();
      assertThat(out.segment().toArray(JAVA_BYTE)).isEqualTo(expected);
    }
  }

  @Test
  void zeroLeavesWhatIsAround() {
    int[] values = new int[100];
    Arrays.setAll(values, i -> i + 1);
    for (int[] part : new int[][] {{0, 400}, {16, 32}, {4, 12}, {20, 4}, {0, 0}}) {
      Memory memory = upload(values);
      driver.zero(memory, part[0], part[1]);
      int[] expected = values.clone();
      Arrays.fill(expected, part[0] / 4, (part[0] + part[1]) / 4, 0);
      assertThat(ints(memory)).isEqualTo(expected);
      driver.free(memory);
    }
  }

  @Test
  void copiesAreCheckedAgainstTheMemory() {
    Memory memory = driver.allocate(64);
    try (Pinned pinned = driver.pinned(32)) {
      assertThatThrownBy(() -> driver.write(pinned.segment(), memory, 33))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> driver.read(memory, -1, pinned.segment()))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> driver.zero(memory, 60, 8))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void marksAreReachedInAnyOrder() {
    openWith(ADD);
    Memory x = driver.allocate(4);
    try (Pinned pinned = driver.pinned(16)) {
      List<Mark> marks = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        driver.launch("add", Grid.of(1, 1), x, 1, (float) i, null);
        driver.read(x, 0, pinned.segment().asSlice(i * 4L, 4));
        marks.add(driver.mark());
      }
      marks.get(3).await();
      assertThat(pinned.segment().toArray(JAVA_FLOAT)).containsExactly(0f, 1f, 2f, 3f);
      marks.get(0).await();
      marks.get(0).await();
      marks.forEach(Mark::close);
      marks.forEach(Mark::close);
    }
  }

  @Test
  void pinnedMemoryMayGoWhileItsCopyIsQueued() {
    openWith(ADD);
    int n = 1 << 20;
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i;
    }
    Memory x = driver.allocate(n * 4L);
    for (int round = 0; round < 20; round++) {
      driver.zero(x, 0, x.bytes());
      try (Pinned pinned = driver.pinned(n * 4L)) {
        MemorySegment.copy(values, 0, pinned.segment(), JAVA_FLOAT, 0, n);
        driver.write(pinned.segment(), x, 0);
      }
      assertThat(Arrays.equals(floats(x), values)).isTrue();
    }
  }

  @Test
  void aLostDeviceSaysSoEverAfter() {
    Session session = new Session(Present.candidate());
    session.ready();
    assertThat(session.failure(-50, "clSetKernelArg")).hasMessageContaining("CL_INVALID_ARG_VALUE");
    session.ready();
    assertThat(session.loss(-5, "queued work"))
        .hasMessageStartingWith(
            session.id() + ": device lost: queued work failed: CL_OUT_OF_RESOURCES (-5);")
        .hasMessageEndingWith("; close it and open it again");
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(session::ready)
          .isInstanceOf(DeviceException.class)
          .hasMessage(
              session.id()
                  + ": device lost (queued work: CL_OUT_OF_RESOURCES); close it and open it again");
    }
    session.close();
    assertThatThrownBy(session::ready).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void theFirstErrorOfALostDeviceSaysSo() {
    for (int code : new int[] {-2, -14, -33, -34, -36}) {
      try (Session session = new Session(Present.candidate())) {
        assertThat(session.failure(code, "clFlush"))
            .hasMessageStartingWith(session.id() + ": device lost: clFlush failed: CL_")
            .hasMessageContaining("(%d)".formatted(code));
        assertThatThrownBy(session::ready).hasMessageContaining("device lost (clFlush: CL_");
      }
    }
  }

  @Test
  void aDeviceThatGivesNoContextIsRefusedNotLost() {
    Candidate there = Present.candidate();
    Candidate none =
        new Candidate(
            there.number(),
            0,
            there.platform(),
            there.name(),
            there.version(),
            there.driver(),
            there.processor(),
            there.usable(),
            there.compiler(),
            there.littleEndian(),
            there.computeUnits(),
            there.maxGroupItems(),
            there.memoryBytes(),
            there.maxBufferBytes(),
            there.localBytes());
    assertThatThrownBy(() -> new Session(none))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("clCreateContext failed: CL_INVALID_")
        .message()
        .doesNotContain("lost");
  }

  @Test
  void aBufferAboveTheDevicesLimitIsRefused() {
    long limit = Present.candidate().maxBufferBytes();
    assertThatThrownBy(() -> driver.allocate(limit + 1))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("%,d".formatted(limit + 1))
        .hasMessageContaining("%,d".formatted(limit))
        .hasMessageContaining("CL_DEVICE_MAX_MEM_ALLOC_SIZE");
    assertThatIllegalArgumentException().isThrownBy(() -> driver.allocate(0));
  }

  @Test
  void memoryThatRunsOutIsNamedAndWorkGoesOn() {
    long limit = Present.candidate().maxBufferBytes();
    List<Memory> all = new ArrayList<>();
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 1_000; i++) {
                Memory memory = driver.allocate(limit);
                all.add(memory);
                // Cards notice at the first use; a processor's memory is better left alone.
                if (!driver.traits().processor()) {
                  driver.zero(memory, 0, limit);
                  await();
                }
              }
            })
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining(driver.info().id())
        .hasMessageContaining("%,d bytes".formatted(limit))
        .hasMessageContaining("the device's %,d are".formatted(driver.info().memoryBytes()));
    assertThat(all).isNotEmpty();
    all.forEach(driver::free);
    Memory memory = driver.allocate(1 << 20);
    driver.zero(memory, 0, 1 << 20);
    assertThat(ints(memory)).containsOnly(0);
  }

  @Test
  void afterClosingEveryCallSaysSo() {
    Memory memory = driver.allocate(16);
    Pinned pinned = driver.pinned(16);
    Mark mark = driver.mark();
    driver.beginCapture();
    driver.launch("list_tokens", Grid.of(1, 1), memory, 0);
    Captured captured = driver.endCapture();
    driver.close();
    driver.close();
    List<Runnable> calls =
        List.of(
            () -> driver.allocate(1),
            () -> driver.pinned(1),
            () -> driver.zero(memory, 0, 4),
            () -> driver.read(memory, 0, MemorySegment.NULL),
            () -> driver.mark(),
            () -> driver.launch("list_tokens", Grid.of(1, 1), memory, 0),
            driver::beginCapture,
            driver::endCapture,
            mark::await,
            captured::launch);
    for (Runnable call : calls) {
      assertThatThrownBy(call::run)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(driver.info().id() + " is closed");
    }
    // What the driver freed by closing may be closed again.
    driver.free(memory);
    pinned.close();
    mark.close();
    captured.close();
    assertThat(pinned.segment().scope().isAlive()).isFalse();
  }

  @Test
  void allocatesAndFreesManyTimes() {
    for (int round = 0; round < 5_000; round++) {
      Memory memory = driver.allocate(1 << 20);
      if (round % 100 == 0) {
        driver.zero(memory, 0, memory.bytes());
        driver.pinned(4_096).close();
        driver.mark().close();
      }
      driver.free(memory);
    }
    await();
  }
}
