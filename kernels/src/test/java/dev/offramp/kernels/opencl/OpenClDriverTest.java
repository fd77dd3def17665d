package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OpenClDriverTest {
  /** Adds a to n numbers, or sets them to it if there is no table of addends. */
  private static final String ADD =
      """
      __kernel void add(__global float* x, int n, float a, const __global float* addends) {
        int i = (int)get_global_id(0);
        if (i < n) {
          x[i] = addends ? x[i] + addends[i] + a : a;
        }
      }
      """;

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private OpenClDriver driver;

  @BeforeEach
  void open() {
    System.out.println("OpenClDriverTest seed " + seed);
    driver = Present.driver();
  }

  @AfterEach
  void close() {
    if (driver != null) {
      driver.close();
    }
  }

  private void openWith(String text) {
    driver.close();
    driver = new OpenClDriver(Present.candidate(), Precision.F32, text);
  }

  private void await() {
    try (Mark mark = driver.mark()) {
      mark.await();
    }
  }

  private Memory upload(int... values) {
    Memory memory = driver.allocate(values.length * 4L);
    try (Pinned pinned = driver.pinned(values.length * 4L)) {
      MemorySegment.copy(values, 0, pinned.segment(), JAVA_INT, 0, values.length);
      driver.write(pinned.segment(), memory, 0);
      await();
    }
    return memory;
  }

  private Memory upload(float... values) {
    int[] bits = new int[values.length];
    Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
    return upload(bits);
  }

  private int[] ints(Memory memory) {
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      driver.read(memory, 0, pinned.segment());
      await();
      return pinned.segment().toArray(JAVA_INT);
    }
  }

  private float[] floats(Memory memory) {
    int[] bits = ints(memory);
    float[] values = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      values[i] = Float.intBitsToFloat(bits[i]);
    }
    return values;
  }

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
  void compactionAgreesWithPlainJava() {
    for (int count : new int[] {0, 1, 7, 255, 256, 257, 700}) {
      LiveTable table = LiveTable.random(random, count + random.nextInt(1, 5), 37, count);
      float[] scores = new float[count + 1];
      for (int i = 0; i < count; i++) {
        scores[i] = random.nextInt(10) == 0 ? Float.NaN : random.nextFloat();
      }
      float lambda = random.nextFloat();
      Memory live = upload(table.values());
      Memory memory = upload(scores);
      driver.launch("compact", Grid.of(1, 256), live, table.capacity(), memory, lambda);
      driver.launch("list_tokens", Grid.of(table.capacity(), 64), live, table.capacity());
      LiveTable expected = table.compacted(scores, lambda);
      assertThat(ints(live)).isEqualTo(expected.values());
      driver.free(live);
      driver.free(memory);
    }
  }

  @Test
  void theF16ProgramBuilds() {
    driver.close();
    driver = OpenClDevices.driver(Present.number(), Precision.F16);
    assertThat(driver.info().precision()).isEqualTo(Precision.F16);
  }

  @Test
  void argumentsThatStayAreNotLost() {
    openWith(ADD);
    Memory x = upload(1f, 2f, 3f);
    Memory ones = upload(1f, 1f, 1f);
    driver.launch("add", Grid.of(1, 3), x, 3, 0.5f, ones);
    driver.launch("add", Grid.of(1, 3), x, 3, 0.5f, ones);
    assertThat(floats(x)).containsExactly(4f, 5f, 6f);
    driver.launch("add", Grid.of(1, 3), x, 2, 0.25f, ones);
    assertThat(floats(x)).containsExactly(5.25f, 6.25f, 6f);
    driver.launch("add", Grid.of(1, 3), x, 1, Float.NaN, null);
    assertThat(floats(x)).containsExactly(Float.NaN, 6.25f, 6f);
    driver.launch("add", Grid.of(1, 3), ones, 3, 7f, null);
    assertThat(floats(ones)).containsExactly(7f, 7f, 7f);
    assertThat(floats(x)).containsExactly(Float.NaN, 6.25f, 6f);
  }

  @Test
  void memoryThatGotAFreedHandleIsPassedAnew() {
    openWith(ADD);
    for (int round = 0; round < 200; round++) {
      Memory x = driver.allocate(64);
      driver.launch("add", Grid.of(1, 16), x, 16, (float) round, null);
      assertThat(floats(x)).containsOnly(round);
      driver.free(x);
    }
  }

  @Test
  void groupsCountAlongBothAxes() {
    openWith(
        """
        __kernel void where(__global int* out) {
          int x = (int)get_global_id(0);
          int y = (int)get_global_id(1);
          out[y * (int)get_global_size(0) + x] =
              (int)get_group_id(0) * 1000 + (int)get_group_id(1) * 100
              + (int)get_local_id(0) * 10 + (int)get_local_id(1);
        }
        """);
    Memory out = driver.allocate(3 * 2 * 4 * 5 * 4);
    driver.launch("where", new Grid(3, 2, 4, 5, 0), out);
    int[] expected = new int[3 * 2 * 4 * 5];
    for (int y = 0; y < 10; y++) {
      for (int x = 0; x < 12; x++) {
        expected[y * 12 + x] = x / 4 * 1000 + y / 5 * 100 + x % 4 * 10 + y % 5;
      }
    }
    assertThat(ints(out)).isEqualTo(expected);
  }

  @Test
  void aReplayHasItsArgumentsAndTheContentsOfThen() {
    openWith(ADD);
    Memory x = upload(1f, 2f, 3f);
    Memory addends = upload(10f, 20f, 30f);
    driver.beginCapture();
    driver.launch("add", Grid.of(1, 3), x, 3, 0.5f, addends);
    driver.launch("add", Grid.of(1, 3), x, 2, 0.25f, addends);
    Captured captured = driver.endCapture();
    assertThat(floats(x)).containsExactly(1f, 2f, 3f);
    captured.launch();
    assertThat(floats(x)).containsExactly(21.75f, 42.75f, 33.5f);

    // Neither other arguments of the same kernel nor new contents are mistaken for those captured.
    Memory other = upload(0f, 0f, 0f);
    driver.launch("add", Grid.of(1, 3), other, 1, 9f, null);
    driver.zero(x, 0, 12);
    driver.zero(addends, 0, 12);
    captured.launch();
    captured.launch();
    assertThat(floats(x)).containsExactly(1.5f, 1.5f, 1f);
    assertThat(floats(other)).containsExactly(9f, 0f, 0f);

    captured.close();
    captured.close();
    assertThatThrownBy(captured::launch)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void capturesWhatFailsIsAbandoned() {
    Memory x = driver.allocate(64);
    driver.beginCapture();
    assertThatThrownBy(() -> driver.zero(x, 0, 4)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> driver.launch("nothing", Grid.of(1, 1)))
        .isInstanceOf(DeviceException.class);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), x))
        .withMessageContaining("list_tokens takes 2 arguments, not 1");
    driver.abandonCapture();
    driver.abandonCapture();
    driver.zero(x, 0, 64);
    assertThat(ints(x)).containsOnly(0);
    assertThatThrownBy(driver::endCapture).isInstanceOf(IllegalStateException.class);
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
        .hasMessageContaining(session.id() + ": queued work failed: CL_OUT_OF_RESOURCES (-5)");
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
  void aKernelThatDoesNotExistIsNamed() {
    assertThatThrownBy(() -> driver.launch("nothing", Grid.of(1, 1)))
        .isInstanceOf(DeviceException.class)
        .hasMessageStartingWith(driver.info().id() + ": clCreateKernel of nothing failed:")
        .hasMessageContaining("CL_INVALID_KERNEL_NAME (-46)");
    await();
  }

  @Test
  void aGroupThatIsTooLargeIsNamed() {
    Memory live = upload(0, 0, 1, 0);
    int items = driver.traits().maxGroupItems() * 2;
    assertThatThrownBy(() -> driver.launch("list_tokens", Grid.of(1, items), live, 0))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("clEnqueueNDRangeKernel of list_tokens with groups of " + items)
        .hasMessageContaining("CL_INVALID_WORK_");
  }

  @Test
  void wrongArgumentsAreNamed() {
    Memory live = upload(0, 0, 1, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), live, 1L))
        .withMessageContaining("argument 1 of kernel list_tokens is a java.lang.Long");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), live, 1, 1))
        .withMessageContaining("takes 2 arguments, not 3");
    assertThatThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), 1, 1))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("clSetKernelArg 0 of list_tokens failed: CL_INVALID_");
  }

  @Test
  void aProgramThatDoesNotBuildShowsTheLog() {
    assertThatThrownBy(() -> openWith("__kernel void broken() { undeclared_name = 1; }"))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("clBuildProgram failed: CL_BUILD_PROGRAM_FAILURE (-11)")
        .hasMessageContaining("undeclared_name");
    String many = "undeclared_name = 1;\n".repeat(1_000);
    assertThatThrownBy(() -> openWith("__kernel void broken() { " + many + "}"))
        .isInstanceOf(DeviceException.class)
        .extracting(e -> e.getMessage().length())
        .matches(length -> length < 2_400);
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
