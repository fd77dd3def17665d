package dev.offramp.kernels.gpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Event;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Copies through pinned memory, with a queue that runs as late as it can. */
class StagingTest {
  private static final int HALF = 4 << 20;

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private final FakeDriver driver = new FakeDriver();
  private GpuDevice device;

  @BeforeEach
  void open() {
    System.out.println("StagingTest seed " + seed);
    device = new GpuDevice(driver, new DeviceOptions(1));
    driver.held = true;
  }

  @AfterEach
  void close() {
    device.close();
    assertThat(driver.marksAtClose).isZero();
    assertThat(driver.pinnedAtClose).isZero();
  }

  private byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }

  private Buffer buffer(int bytes) {
    return device.allocate(DataType.I32, bytes / 4);
  }

  @Test
  void copiesLargerThanAHalfArriveWhole() {
    for (int size : new int[] {4, HALF - 4, HALF, HALF + 4, 2 * HALF, 3 * HALF + 400}) {
      byte[] data = bytes(size);
      byte[] back = new byte[size];
      try (Buffer buffer = buffer(size)) {
        MemorySegment source = MemorySegment.ofArray(data.clone());
        device.copyIn(source, buffer, 0);
        source.fill((byte) 0); // it has been read
        device.copyOut(buffer, 0, MemorySegment.ofArray(back)).await();
      }
      assertThat(Arrays.equals(back, data)).as("%d bytes", size).isTrue();
    }
  }

  @Test
  void partsOfABufferAreCopiedToTheirPlace() {
    int size = 2 * HALF;
    byte[] expected = new byte[size];
    try (Buffer buffer = buffer(size)) {
      for (int round = 0; round < 20; round++) {
        int length = 4 * random.nextInt(1, HALF / 3);
        int at = 4 * random.nextInt((size - length) / 4);
        byte[] data = bytes(length);
        device.copyIn(MemorySegment.ofArray(data), buffer, at / 4);
        System.arraycopy(data, 0, expected, at, length);
      }
      byte[] back = new byte[size];
      device.copyOut(buffer, 0, MemorySegment.ofArray(back)).await();
      assertThat(Arrays.equals(back, expected)).isTrue();
    }
  }

  /** The place of a download is used again only after its bytes were taken out of it. */
  @Test
  void downloadsThatNobodyAwaitsYetSurviveTheirPlace() {
    int count = 40;
    int size = HALF / 5 * 4 / 4;
    byte[][] data = new byte[count][];
    byte[][] back = new byte[count][size];
    Event[] events = new Event[count];
    try (Buffer buffer = buffer(size)) {
      for (int i = 0; i < count; i++) {
        data[i] = bytes(size);
        device.copyIn(MemorySegment.ofArray(data[i]), buffer, 0);
        events[i] = device.copyOut(buffer, 0, MemorySegment.ofArray(back[i]));
      }
      events[count - 1].await();
      for (int i = 0; i < count; i++) {
        assertThat(Arrays.equals(back[i], data[i])).as("download %d", i).isTrue();
        events[i].await(); // again or late: nothing more happens
      }
    }
  }

  @Test
  void copiesAwaitedInAnyOrderAreRight() {
    record Waiting(Event event, byte[] back, byte[] expected) {}
    int size = 3 << 20;
    byte[] content = new byte[size];
    Deque<Waiting> waiting = new ArrayDeque<>();
    try (Buffer buffer = buffer(size)) {
      for (int round = 0; round < 300; round++) {
        int length = 4 * (random.nextInt(8) == 0 ? size / 4 : random.nextInt(2000));
        int at = 4 * random.nextInt((size - length) / 4 + 1);
        switch (random.nextInt(4)) {
          case 0 -> {
            byte[] data = bytes(length);
            device.copyIn(MemorySegment.ofArray(data), buffer, at / 4);
            System.arraycopy(data, 0, content, at, length);
          }
          case 1, 2 -> {
            byte[] back = new byte[length];
            Event event = device.copyOut(buffer, at / 4, MemorySegment.ofArray(back));
            waiting.add(new Waiting(event, back, Arrays.copyOfRange(content, at, at + length)));
          }
          default -> {
            if (!waiting.isEmpty()) {
              Waiting one = random.nextBoolean() ? waiting.pollFirst() : waiting.pollLast();
              one.event.await();
              assertThat(Arrays.equals(one.back, one.expected)).as("round %d", round).isTrue();
            }
          }
        }
      }
    }
    for (Waiting one : waiting) {
      one.event.await();
      assertThat(Arrays.equals(one.back, one.expected)).isTrue();
    }
  }

  @Test
  void awaitingADownloadRunsWhatWasQueuedBeforeAndNotWhatCameLater() {
    try (Buffer buffer = buffer(400)) {
      byte[] first = new byte[400];
      byte[] second = new byte[400];
      Event one = device.copyOut(buffer, 0, MemorySegment.ofArray(first));
      byte[] data = bytes(400);
      device.copyIn(MemorySegment.ofArray(data), buffer, 0);
      Event other = device.copyOut(buffer, 0, MemorySegment.ofArray(second));

      one.await();
      assertThat(driver.waiting()).as("the upload and the second download wait").isEqualTo(2);
      assertThat(first).containsOnly(0);
      other.await();
      assertThat(second).isEqualTo(data);
    }
  }

  @Test
  void uploadsAndEmptyDownloadsWaitForWhatIsQueued() {
    try (Buffer buffer = buffer(400)) {
      device.copyIn(MemorySegment.ofArray(bytes(400)), buffer, 0).await();
      assertThat(driver.waiting()).isZero();
      device.copyIn(MemorySegment.ofArray(bytes(400)), buffer, 0);
      assertThat(driver.waiting()).isPositive();
      device.copyOut(buffer, 100, MemorySegment.ofArray(new byte[0])).await();
      assertThat(driver.waiting()).isZero();
      assertThat(driver.marks).isEmpty();
    }
  }

  @Test
  void whatDoesNotFitIsRefusedAndNothingIsQueued() {
    try (Buffer buffer = buffer(400)) {
      driver.runAll();
      MemorySegment host = MemorySegment.ofArray(new byte[8]);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device.copyIn(host, buffer, 99))
          .withMessageStartingWith("copyIn: ");
      assertThatIllegalArgumentException().isThrownBy(() -> device.copyOut(buffer, -1, host));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device.copyOut(buffer, Long.MAX_VALUE, host));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device.copyIn(host.asSlice(0, 5), buffer, 0));
      assertThat(driver.waiting()).isZero();
    }
  }

  /** Whatever call of a copy fails, the next copies are right. */
  @Test
  void goesOnAfterACopyThatFailed() {
    int size = HALF / 2 + 4;
    for (String method : new String[] {"write", "read", "mark", "await"}) {
      for (int n = 1; ; n++) {
        byte[] back = new byte[size];
        boolean failed;
        try (Buffer buffer = buffer(size)) {
          driver.failAt(method, n);
          copyBackAndForth(buffer, size);
          failed = driver.failed();
          byte[] data = bytes(size);
          for (int i = 0; i < 5; i++) {
            device.copyIn(MemorySegment.ofArray(data), buffer, 0);
          }
          device.copyOut(buffer, 0, MemorySegment.ofArray(back)).await();
          assertThat(Arrays.equals(back, data)).as("%s failed at %d", method, n).isTrue();
        }
        if (!failed) {
          assertThat(n).as("calls of " + method).isGreaterThan(2);
          break;
        }
      }
    }
  }

  private void copyBackAndForth(Buffer buffer, int size) {
    try {
      for (int i = 0; i < 6; i++) {
        device.copyIn(MemorySegment.ofArray(bytes(size)), buffer, 0);
        device.copyOut(buffer, 0, MemorySegment.ofArray(new byte[size])).await();
      }
    } catch (DeviceException e) {
      assertThat(e).hasMessageContaining("failed: FAKE (7)");
    }
  }

  @Test
  void aLostDeviceSaysSoAtEveryCopy() {
    Buffer buffer = buffer(400);
    byte[] bytes = new byte[400];
    Event download = device.copyOut(buffer, 0, MemorySegment.ofArray(bytes));
    Event upload = device.copyIn(MemorySegment.ofArray(bytes), buffer, 0);
    driver.lose();
    for (Runnable call :
        new Runnable[] {
          download::await,
          upload::await,
          () -> device.copyIn(MemorySegment.ofArray(bytes), buffer, 0),
          () -> device.copyOut(buffer, 0, MemorySegment.ofArray(bytes))
        }) {
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(call::run)
          .withMessageContaining("device lost");
    }
  }

  @Test
  void downloadsUnderWayAreDroppedByClosing() {
    Buffer buffer = buffer(400);
    byte[] back = new byte[400];
    device.copyIn(MemorySegment.ofArray(bytes(400)), buffer, 0);
    device.copyOut(buffer, 0, MemorySegment.ofArray(back));
    device.close();
    assertThat(back).containsOnly(0);
    assertThat(driver.marks).isEmpty();
    assertThat(driver.pinned).isEmpty();
    assertThatIllegalStateException()
        .isThrownBy(() -> device.copyOut(buffer, 0, MemorySegment.ofArray(back)))
        .withMessageContaining("copyOut");
  }

  @Test
  void nativeMemoryIsFilledToo() {
    try (Arena arena = Arena.ofConfined();
        Buffer buffer = buffer(4000)) {
      byte[] data = bytes(4000);
      MemorySegment back = arena.allocate(4000);
      device.copyIn(arena.allocate(4000).copyFrom(MemorySegment.ofArray(data)), buffer, 0);
      device.copyOut(buffer, 0, back).await();
      assertThat(back.toArray(JAVA_BYTE)).isEqualTo(data);
    }
  }
}
