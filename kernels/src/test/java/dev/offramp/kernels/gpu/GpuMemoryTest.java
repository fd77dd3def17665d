package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Recording;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What stays open where making something fails, and where the device is lost. */
class GpuMemoryTest {
  private static final List<String> CALLS =
      List.of("allocate", "zero", "pinned", "write", "read", "mark", "await", "launch");

  /** Makes it with each driver call failing in turn; returns how many of them did. */
  private static int failEachCall(FakeDriver driver, Function<GpuRig, AutoCloseable> make)
      throws Exception {
    GpuRig rig = new GpuRig(driver, null);
    int failures = 0;
    int pinned = driver.pinned.size();
    for (String call : CALLS) {
      for (int n = 1; ; n++) {
        driver.failAt(call, n);
        try (AutoCloseable made = make.apply(rig)) {
          assertThat(rig.device.liveBytes()).as("%s open", made).isPositive();
        } catch (DeviceException e) {
          assertThat(e).hasMessageContaining("fake:0: " + call + " failed: FAKE (7)");
        }
        assertThat(rig.device.liveBytes()).as("gauge, %s failed at %d", call, n).isZero();
        assertThat(driver.memories).as("memory, %s failed at %d", call, n).isEmpty();
        assertThat(driver.pinned.size()).as("pinned, %s failed at %d", call, n).isEqualTo(pinned);
        if (!driver.failed()) {
          break;
        }
        failures++;
      }
    }
    rig.device.close();
    assertThat(driver.marksAtClose).isZero();
    assertThat(driver.pinnedAtClose).isZero();
    return failures;
  }

  @Test
  void aBufferThatFailsLeavesNothing() throws Exception {
    assertThat(failEachCall(new FakeDriver(), rig -> rig.floats(1000))).isGreaterThanOrEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"F32", "F16"})
  void aLinearMapThatFailsLeavesNothing(Precision precision) throws Exception {
    // More than both halves of the pinned memory, so that uploads wait for each other.
    int failures = failEachCall(GpuRig.driver(precision), rig -> rig.linear(2100, 2050));
    assertThat(failures).isGreaterThanOrEqualTo(6);
  }

  @Test
  void aLinearMapOfPanelsThatFailsLeavesNothing() throws Exception {
    FakeDriver driver = new FakeDriver(FakeDriver.PROCESSOR, Precision.F32);
    assertThat(failEachCall(driver, rig -> rig.linear(1000, 1057))).isGreaterThanOrEqualTo(4);
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"F32", "F16"})
  void aConvolutionThatFailsLeavesNothing(Precision precision) throws Exception {
    // As above; a processor keeps 4 bytes an element in F16 too.
    int width = precision == Precision.F32 ? 500 : 700;
    assertThat(failEachCall(GpuRig.driver(precision), rig -> rig.convolution(wide(width))))
        .isGreaterThanOrEqualTo(5);
    FakeDriver processor = new FakeDriver(FakeDriver.PROCESSOR, precision);
    assertThat(failEachCall(processor, rig -> rig.convolution(wide(500))))
        .isGreaterThanOrEqualTo(5);
  }

  private static ConvolutionShape wide(int channels) {
    return ConvolutionShape.same(new ImageShape(2, 2, channels), channels, 3, 1);
  }

  @Test
  void liveRowsThatFailLeaveNothing() throws Exception {
    assertThat(failEachCall(new FakeDriver(), rig -> rig.device.liveRows(20, 30)))
        .isGreaterThanOrEqualTo(1);
  }

  @Test
  void aSignalOrNormalizationIsTheSumOfItsBuffers() {
    GpuRig rig = new GpuRig();
    ExitSignal signal = ExitSignal.allocate(rig.device, 10, 3);
    Normalization norm = rig.norm(7);
    assertThat(rig.device.liveBytes()).isEqualTo(4 * (30 + 10 + 30 + 14));
    signal.close();
    signal.close();
    norm.close();
    assertThat(rig.device.liveBytes()).isZero();
    assertThat(rig.driver.memories).isEmpty();
    rig.device.close();
  }

  @Test
  void aPanelIsCountedWithItsPadding() {
    GpuRig rig = new GpuRig(new FakeDriver(FakeDriver.PROCESSOR, Precision.F16), null);
    Linear map = rig.linear(10, 33);
    assertThat(rig.device.liveBytes()).isEqualTo(4 * (64 * 10 + 64));
    map.close();
    map.close();
    assertThat(rig.device.liveBytes()).isZero();
    rig.device.close();
  }

  /** Of a convolution each group ends with a panel of its own. */
  @Test
  void panelsOfGroupsAreCountedWithTheirPadding() {
    GpuRig rig = new GpuRig(new FakeDriver(FakeDriver.PROCESSOR, Precision.F16), null);
    ImageShape image = new ImageShape(4, 4, 40);
    Map<ConvolutionShape, Integer> bytes =
        Map.of(
            new ConvolutionShape(image, 16, 3, 1, 1, 1), 4 * (16 * 360 + 16),
            new ConvolutionShape(image, 33, 3, 1, 1, 1), 4 * (64 * 360 + 64),
            new ConvolutionShape(image, 40, 3, 1, 1, 10), 4 * (160 * 36 + 160),
            new ConvolutionShape(image, 40, 3, 1, 1, 40), 2 * 40 * 9 + 4 * 40);
    bytes.forEach((shape, expected) -> {
      Convolution map = rig.convolution(shape);
      assertThat(rig.device.liveBytes()).as("%s", shape).isEqualTo(expected.longValue());
      map.close();
      map.close();
      assertThat(rig.device.liveBytes()).isZero();
    });
    rig.device.close();
  }

  @Test
  void aDeviceThatCannotBeMadeClosesItsDriver() {
    FakeDriver driver = new FakeDriver();
    driver.failAt("pinned", 1);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> new GpuDevice(driver, new DeviceOptions(1)))
        .withMessageContaining("pinned failed");
    assertThat(driver.closed).isEqualTo(1);
  }

  /** An exit head's scratch that cannot be had leaves what was there, and is asked for anew. */
  @Test
  void scratchThatCannotBeHadIsAskedForAgain() {
    GpuRig rig = new GpuRig();
    LiveRows rows = rig.device.liveRows(8, 4);
    Buffer in = rig.floats(8 * 4 * 16);
    ExitSignal signal = ExitSignal.allocate(rig.device, 8, 0);
    Linear small = rig.head(16, 3);
    Linear large = rig.head(16, 300);
    GpuRig.load(rows, 8, 4, 4);
    rig.device.exitHead(rows, Pooling.MEAN, small, in, signal);
    long bytes = rig.device.liveBytes();

    rig.driver.failAt("allocate", 1);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> rig.device.exitHead(rows, Pooling.MEAN, large, in, signal));
    for (Linear head : List.of(small, large, small)) {
      assertThat(rig.launched(() -> rig.device.exitHead(rows, Pooling.MEAN, head, in, signal)))
          .isNotEmpty();
    }
    assertThat(rig.device.liveBytes()).isEqualTo(bytes);
    rig.device.close();
    assertThat(rig.driver.memories).isEmpty();
  }

  /** Everything a device makes, in a random order. */
  private static List<AutoCloseable> some(GpuRig rig, Random random) {
    LiveRows rows = rig.device.liveRows(4, 3);
    Buffer in = rig.floats(4 * 3 * 8);
    Buffer out = rig.floats(4 * 8);
    Linear head = rig.head(8, 2);
    ExitSignal signal = ExitSignal.allocate(rig.device, 4, 2);
    GpuRig.load(rows, 4, 2, 3);
    Recording recording =
        rig.device.record(() -> {
          rig.device.pool(rows, Pooling.MAX, 8, in, out);
          rig.device.exitHead(rows, Pooling.MEAN, head, in, signal);
        });
    recording.replay();
    recording.replay();
    assertThat(rig.driver.captures.size()).isEqualTo(1);
    List<AutoCloseable> made =
        new ArrayList<>(
            List.of(rows, in, out, head, rig.linear(8, 8), signal, recording, rig.norm(8)));
    Collections.shuffle(made, random);
    return made;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void allThatIsClosedBringsTheGaugeToZero(long seed) throws Exception {
    GpuRig rig = new GpuRig();
    for (AutoCloseable one : some(rig, new Random(seed))) {
      one.close();
    }
    assertThat(rig.device.liveBytes()).isZero();
    assertThat(rig.driver.captures).isEmpty();
    assertThat(rig.driver.marks).isEmpty();
    rig.device.close();
    rig.device.close();
    assertThat(rig.driver.closed).isEqualTo(1);
    assertThat(rig.driver.marksAtClose).isZero();
    assertThat(rig.driver.pinnedAtClose).isZero();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void whatIsClosedAfterItsDeviceAsksNothingOfIt(long seed) throws Exception {
    GpuRig rig = new GpuRig();
    List<AutoCloseable> made = some(rig, new Random(seed));
    rig.device.close();
    assertThat(rig.device.liveBytes()).isZero();
    for (AutoCloseable one : made) {
      one.close(); // the fake fails at any call after its close
      one.close();
    }
    assertThat(rig.device.liveBytes()).isZero();
  }

  @Test
  void aLostDeviceCanBeClosed() {
    GpuRig rig = new GpuRig();
    some(rig, new Random(1));
    rig.driver.lose();
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> rig.device.allocate(DataType.F32, 1))
        .withMessageContaining("device lost");
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> rig.device.measurePeakGflops())
        .withMessageContaining("device lost");
    rig.device.close();
    rig.device.close();
    assertThat(rig.device.liveBytes()).isZero();
    assertThat(rig.driver.closed).isEqualTo(1);
    assertThat(rig.driver.memories).isEmpty();
  }

  @Test
  void peakIsMeasuredAndLeavesNothing() {
    GpuRig rig = new GpuRig();
    rig.driver.kernels = launch -> LockSupport.parkNanos(1_000_000);
    assertThat(rig.device.measurePeakGflops()).isPositive().isFinite();
    assertThat(rig.driver.memories).isEmpty();
    rig.driver.failAt("launch", 1);
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> rig.device.measurePeakGflops());
    assertThat(rig.driver.memories).isEmpty();
    assertThat(rig.driver.marks).isEmpty();
    rig.device.close();
  }
}
