package dev.offramp.kernels.gpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Recording;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Defects found by reading; each test fails on main as it was. */
class GpuFaultsTest {
  private static final int HALF = 4 << 20;
  private final GpuRig rig = new GpuRig();
  private final FakeDriver driver = rig.driver;

  /** F1: closing objects of a lost device throws, and the second close counts down again. */
  @Test
  void allOfALostDeviceCanBeClosed() throws Exception {
    LiveRows rows = rig.device.liveRows(4, 3);
    Buffer buffer = rig.floats(100);
    Linear map = rig.linear(8, 8);
    GpuRig.load(rows, 2, 2, 3);
    ExitSignal signal = ExitSignal.allocate(rig.device, 4, 0);
    rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
    driver.lose();
    for (AutoCloseable one : List.of(buffer, map, rows, signal)) {
      one.close();
      one.close();
    }
    assertThat(rig.device.liveBytes()).isZero();
  }

  /** F1b: a free that fails once must not be counted twice. */
  @Test
  void theGaugeDoesNotGoBelowZero() {
    Buffer buffer = rig.floats(100);
    driver.failAt("free", 1);
    try {
      buffer.close();
    } catch (DeviceException e) {
      // may be said
    }
    buffer.close();
    assertThat(rig.device.liveBytes()).isZero();
  }

  /** F2: a download whose completion failed on another's behalf says nothing when awaited. */
  @Test
  void everyDownloadOfALostDeviceSaysSo() {
    Buffer buffer = rig.floats(10);
    Event first = rig.device.copyOut(buffer, 0, MemorySegment.ofArray(new float[10]));
    Event second = rig.device.copyOut(buffer, 0, MemorySegment.ofArray(new float[10]));
    driver.lose();
    assertThatExceptionOfType(DeviceException.class).isThrownBy(second::await);
    assertThatExceptionOfType(DeviceException.class).isThrownBy(first::await);
    assertThatExceptionOfType(DeviceException.class).isThrownBy(second::await);
  }

  /** F3: events after close. */
  @Test
  void eventsOfAClosedDeviceAreRefused() {
    Buffer buffer = rig.floats(10);
    Event in = rig.device.copyIn(MemorySegment.ofArray(new float[10]), buffer, 0);
    Event none = rig.device.copyOut(buffer, 0, MemorySegment.ofArray(new float[0]));
    Event out = rig.device.copyOut(buffer, 0, MemorySegment.ofArray(new float[10]));
    rig.device.close();
    assertThatIllegalStateException().isThrownBy(in::await);
    assertThatIllegalStateException().isThrownBy(none::await);
    assertThatIllegalStateException().isThrownBy(out::await);
  }

  /** F3b: live rows after close of the device write into freed pinned memory. */
  @Test
  void rowsOfAClosedDeviceAreRefused() {
    LiveRows rows = rig.device.liveRows(4, 3);
    rig.device.close();
    assertThatIllegalStateException().isThrownBy(() -> GpuRig.load(rows, 2, 2, 3));
  }

  @Test
  void countOfRowsOfAClosedDeviceIsRefused() {
    LiveRows rows = rig.device.liveRows(4, 3);
    ExitSignal signal = ExitSignal.allocate(rig.device, 4, 0);
    GpuRig.load(rows, 2, 2, 3);
    rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
    rig.device.close();
    assertThatIllegalStateException().isThrownBy(rows::count);
  }

  /** F4: a download whose target is gone spoils another's. */
  @Test
  void aTargetThatIsGoneHarmsNobodyElse() {
    driver.held = true;
    int size = HALF / 4;
    Random random = new Random(1);
    byte[][] data = new byte[40][size];
    byte[][] back = new byte[40][size];
    List<Event> events = new ArrayList<>();
    Buffer buffer = rig.device.allocate(DataType.I32, size / 4);
    for (int i = 0; i < 40; i++) {
      random.nextBytes(data[i]);
      try {
        rig.device.copyIn(MemorySegment.ofArray(data[i]), buffer, 0);
        if (i % 7 == 1) {
          try (Arena arena = Arena.ofConfined()) {
            rig.device.copyOut(buffer, 0, arena.allocate(size)); // nobody awaits it
          }
          rig.device.copyIn(MemorySegment.ofArray(data[i]), buffer, 0);
        }
        events.add(rig.device.copyOut(buffer, 0, MemorySegment.ofArray(back[i])));
      } catch (IllegalStateException e) {
        System.out.println("F4: copy " + i + " throws " + e);
        events.add(null);
      }
    }
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      if (events.get(i) == null) {
        wrong.add(i + " thrown");
        continue;
      }
      try {
        events.get(i).await();
      } catch (IllegalStateException e) {
        wrong.add(i + " await " + e);
      }
      if (!Arrays.equals(back[i], data[i])) {
        wrong.add(i + " corrupt");
      }
    }
    assertThat(wrong).isEmpty();
  }

  /** F5: close of a device where freeing the pinned memory or a mark fails. */
  @Test
  void theDriverIsClosedWhateverFailsBefore() {
    driver.failAt("closePinned", 1);
    try {
      rig.device.close();
    } catch (DeviceException e) {
      // may be said
    }
    rig.device.close();
    assertThat(driver.closed).isPositive();
  }

  /** F6: sizes that overflow. */
  @Test
  void elementsThatOverflowAreRefused() {
    for (long elements : new long[] {1L << 61, 1L << 62, (1L << 62) + 1, Long.MAX_VALUE}) {
      try (Buffer buffer = rig.device.allocate(DataType.F32, elements)) {
        throw new AssertionError(elements + " elements in " + rig.device.liveBytes() + " bytes");
      } catch (DeviceException | IllegalArgumentException e) {
        assertThat(rig.device.liveBytes()).isZero();
      }
    }
  }

  /** F7: a compaction of which a part failed leaves host and device apart. */
  @Test
  void aCompactionThatFailsHalfwayIsNotForgotten() {
    for (boolean recorded : new boolean[] {false, true}) {
      LiveRows rows = rig.device.liveRows(300, 4);
      ExitSignal signal = ExitSignal.allocate(rig.device, 300, 0);
      Buffer in = rig.floats(300 * 4 * 8);
      Buffer out = rig.floats(300 * 8);
      GpuRig.load(rows, 300, 4, 4); // so many that listing is a launch of its own
      driver.kernels =
          launch -> {
            if (launch.kernel().equals("compact")) {
              MemorySegment live = driver.content((Driver.Memory) launch.arguments().getFirst());
              live.setAtIndex(JAVA_INT, 0, 1);
              live.setAtIndex(JAVA_INT, 1, 4);
            }
          };
      Runnable work = () -> rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
      int nth = 2; // list_tokens
      if (recorded) {
        Recording recording =
            rig.device.record(() -> {
              rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
              rig.device.pool(rows, Pooling.MEAN, 8, in, out);
            });
        work = recording::replay;
        nth = 3; // pool
      }
      driver.failAt("launch", nth);
      assertThatExceptionOfType(DeviceException.class).isThrownBy(work::run);
      assertThat(rows.count()).as("recorded %s", recorded).isEqualTo(1);
    }
  }

  /** F7b: a load that failed must not look loaded. */
  @Test
  void aLoadThatFailedLeavesNoRows() {
    LiveRows rows = rig.device.liveRows(3, 4);
    driver.failAt("write", 1);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> rows.load(new int[] {0, 1, 2}, new int[] {4, 4, 4}, 4));
    assertThat(rows.count()).isZero();
  }

  /** F8: the library works on rows that left earlier in the same recording. */
  @Test
  void afterACompactionInARecordingRowsAreNotDense() {
    FakeDriver other = new FakeDriver();
    List<Integer> calls = new ArrayList<>();
    other.kernels =
        launch -> {
          if (launch.kernel().startsWith("gemm")) {
            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
          }
        };
    other.denseProduct = (rows, i, o, w, b, in, e, r, out) -> calls.add(rows);
    GpuRig two = new GpuRig(other, null);
    LiveRows rows = two.device.liveRows(8, 4);
    Buffer in = two.floats(8 * 4 * 16);
    Buffer out = two.floats(8 * 4 * 16);
    Linear map = two.linear(16, 16);
    ExitSignal signal = ExitSignal.allocate(two.device, 8, 0);
    Recording recording =
        two.device.record(() -> {
          two.device.compact(rows, signal, Confidence.TOP1, 0.5f);
          two.device.gemm(rows, map, in, Epilogue.BIAS, null, out);
        });
    GpuRig.load(rows, 8, 4, 4);
    recording.replay();
    assertThat(calls).isEmpty();
  }

  /** F9: measuring needs memory that the product itself does not. */
  @Test
  void aProductRunsThoughItCannotBeMeasured() {
    LiveRows rows = rig.device.liveRows(8, 4);
    Buffer in = rig.floats(8 * 4 * 16);
    Buffer out = rig.floats(8 * 4 * 16);
    Linear map = rig.linear(16, 16);
    GpuRig.load(rows, 8, 3, 4);
    driver.failAt("allocate", 1);
    assertThat(rig.launched(() -> rig.device.gemm(rows, map, in, Epilogue.BIAS, null, out)))
        .hasSize(1);
  }

  /** F10: many positions on a processor. */
  @Test
  void manyPositionsFitAGrid() {
    FakeDriver processor = new FakeDriver(FakeDriver.PROCESSOR, Precision.F32);
    GpuRig two = new GpuRig(processor, null);
    int positions = 150_000;
    LiveRows rows = two.device.liveRows(1, positions);
    Buffer in = two.floats(positions * 8);
    Buffer out = two.floats(positions * 8);
    Linear map = two.linear(8, 8);
    GpuRig.load(rows, 1, positions, positions);
    two.device.gemm(rows, map, in, Epilogue.BIAS, null, out);
  }

  /** F11: errors, not only exceptions, leave a capture begun and memory counted. */
  @Test
  void aReplayWithinARecordingIsRefused() {
    LiveRows rows = rig.device.liveRows(8, 4);
    Buffer in = rig.floats(8 * 4 * 16);
    Buffer out = rig.floats(8 * 16);
    GpuRig.load(rows, 8, 3, 4);
    Recording inner = rig.device.record(() -> rig.device.pool(rows, Pooling.MAX, 16, in, out));
    assertThat(
            rig.launched(() -> {
              try {
                rig.device.record(inner::replay);
              } catch (IllegalStateException e) {
                // right
              }
            }))
        .isEmpty();
  }

  @Test
  void aLoadWithinARecordingIsRefused() {
    LiveRows rows = rig.device.liveRows(8, 4);
    assertThatIllegalStateException()
        .isThrownBy(() -> rig.device.record(() -> GpuRig.load(rows, 8, 3, 4)));
  }

  /** F12: a device none of whose kernels fit; the message should say so when it is opened. */
  @Test
  void aDeviceWithoutAProductSaysSo() {
    FakeDriver driver =
        new FakeDriver(new Traits(Traits.Dialect.OPENCL, false, 1, 32 << 10, 0), Precision.F32);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> new GpuRig(driver, null))
        .withMessageContaining("fake:0");
    assertThat(driver.closed).isEqualTo(1);
  }
}
