package dev.offramp.kernels.gpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.LiveRows;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the host knows of live rows. The fake does not compact: all rows stay. */
class GpuRowsTest {
  private final GpuRig rig = new GpuRig();
  private final LiveRows rows = rig.device.liveRows(6, 4);
  private final ExitSignal signal = ExitSignal.allocate(rig.device, 6, 0);

  @AfterEach
  void close() {
    rig.device.close();
    assertThat(rig.driver.marksAtClose).isZero();
  }

  private Bounds bounds() {
    return ((GpuRows) rows).bounds();
  }

  @Test
  void loadedRowsAreKnownWithoutAskingTheDevice() {
    rig.driver.held = true;
    rows.load(new int[] {4, 0, 2}, new int[] {1, 3, 2}, 3);
    assertThat(rows.count()).isEqualTo(3);
    assertThat(rows.rows()).containsExactly(4, 0, 2);
    assertThat(rows.positions()).isEqualTo(3);
    assertThat(rig.driver.waiting()).isPositive();
    assertThat(bounds()).isEqualTo(new Bounds(3, 6, 3, false));
  }

  @Test
  void rowsAreDenseWhereTheyLieOneAfterTheOther() {
    rows.load(new int[] {0, 1, 2}, new int[] {4, 4, 4}, 4);
    assertThat(bounds()).isEqualTo(new Bounds(3, 12, 4, true));
    rows.load(new int[] {0, 1, 2}, new int[] {2, 2, 2}, 2);
    assertThat(bounds()).isEqualTo(new Bounds(3, 6, 2, true));
    rows.load(new int[] {0, 1, 2}, new int[] {2, 1, 2}, 2);
    assertThat(bounds().dense()).as("a position is not valid").isFalse();
    rows.load(new int[] {1, 2}, new int[] {2, 2}, 2);
    assertThat(bounds().dense()).as("row 0 is not live").isFalse();
    rows.load(new int[] {1, 0}, new int[] {2, 2}, 2);
    assertThat(bounds().dense()).as("another order").isFalse();
  }

  @Test
  void afterACompactionTheDeviceIsAsked() {
    for (int round = 0; round < 10; round++) {
      rows.load(new int[] {0, 1, 2}, new int[] {4, 4, 4}, 4);
      rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
      assertThat(bounds().dense()).isFalse();
      assertThat(bounds().rows()).isGreaterThanOrEqualTo(3);
      assertThat(rows.count()).isEqualTo(3);
      assertThat(rows.rows()).containsExactly(0, 1, 2);
    }
    assertThat(rig.driver.marks).isEmpty();
  }

  @Test
  void manyCompactionsMayBeUnderWay() {
    rows.load(new int[] {5, 3}, new int[] {4, 4}, 4);
    rig.driver.held = true;
    for (int i = 0; i < 50; i++) {
      rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
    }
    assertThat(rows.rows()).containsExactly(5, 3);
    rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
    rows.load(new int[] {1}, new int[] {2}, 2); // what is under way does not matter any more
    assertThat(rows.rows()).containsExactly(1);
    rig.driver.runAll();
    assertThat(rows.rows()).containsExactly(1);
    assertThat(rows.count()).isEqualTo(1);
  }

  /** The compaction takes out whatever the device says. */
  @Test
  void countsComeFromTheTableOnTheDevice() {
    rows.load(new int[] {5, 3, 1}, new int[] {4, 2, 4}, 4);
    rig.driver.kernels =
        launch -> {
          if (launch.kernel().equals("compact")) {
            keepLast((Driver.Memory) launch.arguments().getFirst());
          }
        };
    rig.driver.held = true;
    rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
    assertThat(rows.count()).isEqualTo(1);
    assertThat(rows.rows()).containsExactly(1);
  }

  /** As compact of rows.c does it, where only the last of three rows stays. */
  private void keepLast(Driver.Memory table) {
    var live = rig.driver.content(table);
    int capacity = 6;
    live.setAtIndex(JAVA_INT, 0, 1);
    live.setAtIndex(JAVA_INT, 1, 4);
    live.setAtIndex(JAVA_INT, 4, live.getAtIndex(JAVA_INT, 4 + 2));
    live.setAtIndex(JAVA_INT, 4 + capacity, live.getAtIndex(JAVA_INT, 4 + capacity + 2));
  }

  @Test
  void aLoadThatFailsCanBeRepeated() {
    for (String call : new String[] {"write", "launch"}) {
      rig.driver.failAt(call, 1);
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(() -> rows.load(new int[] {2, 1}, new int[] {1, 2}, 2))
          .withMessageContaining(call + " failed");
      rows.load(new int[] {2, 1}, new int[] {1, 2}, 2);
      assertThat(rows.rows()).containsExactly(2, 1);
    }
  }

  @Test
  void tablesThatAreTooLargeSaySo() {
    long bytes = rig.device.liveBytes();
    for (int[] size :
        new int[][] {{1 << 20, 1 << 20}, {Integer.MAX_VALUE, 1}, {1 << 14, 1 << 15}}) {
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(() -> rig.device.liveRows(size[0], size[1]))
          .withMessageContaining("fake:0");
    }
    assertThat(rig.device.liveBytes()).isEqualTo(bytes);
  }
}
