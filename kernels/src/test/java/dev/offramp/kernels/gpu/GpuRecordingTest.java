package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Recording;
import dev.offramp.kernels.gpu.FakeDriver.Launch;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When what a recording launches is captured, launched again and thrown away. */
class GpuRecordingTest {
  private static final int CAPACITY = 200;
  private static final int POSITIONS = 4;
  private static final int WIDTH = 8;

  private final GpuRig rig = new GpuRig();
  private final FakeDriver driver = rig.driver;
  private final LiveRows rows = rig.device.liveRows(CAPACITY, POSITIONS);
  private final Buffer x = rig.floats(CAPACITY * POSITIONS * WIDTH);
  private final Buffer y = rig.floats(CAPACITY * POSITIONS * WIDTH);
  private final Normalization norm = rig.norm(WIDTH);
  private final ExitSignal signal = ExitSignal.allocate(rig.device, CAPACITY, 0);
  private final Linear head = rig.head(WIDTH, 2);

  @AfterEach
  void close() {
    rig.device.close();
    assertThat(driver.memories).isEmpty();
  }

  private void operations() {
    rig.device.layerNorm(rows, norm, x, y);
    rig.device.pool(rows, Pooling.MEAN, WIDTH, y, x);
    rig.device.exitHead(rows, Pooling.FIRST, head, y, signal);
  }

  private void load(int count) {
    GpuRig.load(rows, count, POSITIONS - 1, POSITIONS);
  }

  @Test
  void recordingRunsNothing() {
    load(10);
    assertThat(rig.launched(() -> rig.device.record(this::operations).close())).isEmpty();
  }

  @Test
  void aReplayLaunchesWhatTheOperationsWould() {
    Recording recording = rig.device.record(this::operations);
    for (int count : new int[] {10, 1, 200, 10, 33}) {
      load(count);
      List<Launch> expected = rig.launched(this::operations);
      assertThat(expected).hasSizeGreaterThanOrEqualTo(3);
      for (int i = 0; i < 4; i++) {
        assertThat(rig.launched(recording::replay)).isEqualTo(expected);
      }
    }
    recording.close();
    assertThat(driver.captures).isEmpty();
  }

  @Test
  void aBucketIsCapturedOnceAndSharedByItsCounts() {
    assertThat(bucket(33)).as("a premise").isEqualTo(bucket(34)).isNotEqualTo(bucket(70));
    Recording recording = rig.device.record(this::operations);
    for (int i = 0; i < 10; i++) {
      load(33 + i % 2);
      recording.replay();
    }
    assertThat(driver.captured).isEqualTo(1);
    load(70);
    recording.replay();
    recording.replay();
    assertThat(driver.captured).isEqualTo(2);
    load(33);
    recording.replay();
    assertThat(driver.captured).isEqualTo(2);
    assertThat(driver.captures.size()).isEqualTo(2);
    recording.close();
    recording.close();
    assertThat(driver.captures).isEmpty();
  }

  private static Bounds bucket(int count) {
    return new Bounds(count, count * (POSITIONS - 1), POSITIONS, false).bucket();
  }

  /** The fake fails where a capture uses memory that was freed. */
  @Test
  void capturesAreMadeAnewWhenTheScratchGrows() {
    Recording recording = rig.device.record(this::operations);
    load(20);
    recording.replay();
    recording.replay();
    assertThat(driver.captured).isEqualTo(1);
    Linear wide = rig.head(WIDTH, 1000);
    rig.device.exitHead(rows, Pooling.MEAN, wide, y, signal);

    List<Launch> expected = rig.launched(this::operations);
    for (int i = 0; i < 3; i++) {
      assertThat(rig.launched(recording::replay)).isEqualTo(expected);
    }
    assertThat(driver.captured).isEqualTo(2);
    assertThat(driver.captures.size()).as("the old one is closed").isEqualTo(1);
  }

  @Test
  void capturesAreNotKeptWithoutEnd() {
    Recording recording = rig.device.record(this::operations);
    int most = 0;
    for (int count = 1; count <= CAPACITY; count++) {
      GpuRig.load(rows, count, POSITIONS, POSITIONS); // dense: each count is a bucket
      recording.replay();
      recording.replay();
      most = Math.max(most, driver.captures.size());
    }
    assertThat(driver.captured).isEqualTo(CAPACITY);
    assertThat(most).isBetween(8, 64);
    int captured = driver.captured;
    recording.replay();
    assertThat(driver.captured).as("the latest is kept").isEqualTo(captured);
    GpuRig.load(rows, 1, POSITIONS, POSITIONS);
    recording.replay();
    recording.replay();
    assertThat(driver.captured).as("the first is not").isEqualTo(captured + 1);
    recording.close();
    assertThat(driver.captures).isEmpty();
  }

  @Test
  void zeroLiveRowsLaunchNothing() {
    Recording recording = rig.device.record(this::operations);
    int memories = driver.memories.size();
    for (int i = 0; i < 3; i++) {
      assertThat(rig.launched(() -> load(0))).isEmpty();
      assertThat(rig.launched(this::operations)).isEmpty();
      assertThat(rig.launched(recording::replay)).isEmpty();
      assertThat(rows.count()).isZero();
      assertThat(rows.rows()).isEmpty();
    }
    assertThat(driver.captured).isZero();
    assertThat(driver.memories.size()).isEqualTo(memories);
    load(3);
    assertThat(rig.launched(recording::replay)).isNotEmpty();
  }

  /** Rows that are empty take no part, whatever else a recording works on. */
  @Test
  void emptyRowsBesideOthersLaunchNothing() {
    LiveRows others = rig.device.liveRows(CAPACITY, POSITIONS);
    Recording recording =
        rig.device.record(() -> {
          rig.device.layerNorm(others, norm, x, y);
          rig.device.layerNorm(rows, norm, x, y);
        });
    load(5);
    List<Launch> expected = rig.launched(() -> rig.device.layerNorm(rows, norm, x, y));
    for (int i = 0; i < 3; i++) {
      assertThat(rig.launched(recording::replay)).isEqualTo(expected);
    }
    GpuRig.load(others, 5, 3, POSITIONS);
    for (int i = 0; i < 3; i++) {
      assertThat(rig.launched(recording::replay)).hasSize(2);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"launch", "beginCapture", "endCapture", "captured"})
  void aReplayThatFailsCanBeRepeated(String call) {
    Recording recording = rig.device.record(this::operations);
    load(40);
    recording.replay();
    List<Launch> expected = rig.launched(this::operations);
    int failures = 0;
    for (boolean failed = true; failed; ) {
      driver.failAt(call, failures + 1);
      try {
        assertThat(rig.launched(recording::replay)).isEqualTo(expected);
      } catch (DeviceException e) {
        assertThat(e).hasMessageContaining("fake:0: " + call + " failed: FAKE (7)");
      }
      failed = driver.failed();
      failures += failed ? 1 : 0;
      assertThat(driver.capturing()).as("capturing after " + call).isFalse();
    }
    assertThat(failures).isEqualTo(call.equals("launch") ? expected.size() : 1);
    for (int i = 0; i < 3; i++) {
      assertThat(rig.launched(recording::replay)).isEqualTo(expected);
    }
    assertThat(driver.captures.size()).isEqualTo(1);
    recording.close();
    assertThat(driver.captures).isEmpty();
  }

  @Test
  void aDeviceLostInACaptureSaysSo() {
    Recording recording = rig.device.record(this::operations);
    load(40);
    recording.replay();
    driver.loseAt("launch", 2);
    for (int i = 0; i < 2; i++) {
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(recording::replay)
          .withMessageContaining("device lost");
      assertThat(driver.capturing()).isFalse();
    }
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(this::operations)
        .withMessageContaining("device lost");
    recording.close();
  }

  @Test
  void aRecordingThatFailsLeavesTheDeviceAsItWas() {
    MemorySegment host = MemorySegment.ofArray(new float[4]);
    load(5);
    List<Launch> expected = rig.launched(this::operations);
    for (Runnable fault :
        new Runnable[] {
          () -> rig.device.copyIn(host, x, 0),
          () -> rig.device.copyOut(x, 0, host),
          () -> rig.device.record(() -> {}),
        }) {
      assertThatIllegalStateException()
          .isThrownBy(() ->
              rig.device.record(() -> {
                operations();
                fault.run();
              }));
      assertThat(rig.launched(this::operations)).isEqualTo(expected);
    }
    rig.device.copyIn(host, x, 0).await();
  }

  @Test
  void aClosedBufferIsNoticedBeforeAnythingIsLaunched() {
    Recording recording = rig.device.record(this::operations);
    load(40);
    for (int i = 0; i < 3; i++) {
      recording.replay();
    }
    signal.predictions().close(); // of the last operation
    assertThat(
            rig.launched(() ->
                assertThatIllegalStateException()
                    .isThrownBy(recording::replay)
                    .withMessageContaining("signal.predictions is closed")))
        .isEmpty();
  }

  @Test
  void aRecordingOfAClosedDeviceIsRefused() {
    Recording recording = rig.device.record(this::operations);
    load(40);
    recording.replay();
    recording.replay();
    rig.device.close();
    assertThatIllegalStateException().isThrownBy(recording::replay);
    recording.close();
    assertThatIllegalStateException().isThrownBy(recording::replay).withMessageContaining("closed");
  }
}
