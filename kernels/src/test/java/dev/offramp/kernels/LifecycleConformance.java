package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory, recordings, index tables and what happens after close. */
abstract class LifecycleConformance extends DeviceConformance {

  @ParameterizedTest
  @EnumSource(DataType.class)
  void copiesKeepBytes(DataType type) {
    byte[] bytes = new byte[7 * type.bytes()];
    rig.random.nextBytes(bytes);
    Buffer buffer = rig.open(rig.device.allocate(type, 10));
    byte[] actual = new byte[10 * type.bytes()];

    rig.device.copyIn(MemorySegment.ofArray(bytes), buffer, 3).await();
    rig.device.copyOut(buffer, 0, MemorySegment.ofArray(actual)).await();

    assertThat(buffer.type()).isEqualTo(type);
    assertThat(buffer.elements()).isEqualTo(10);
    byte[] expected = new byte[actual.length];
    System.arraycopy(bytes, 0, expected, 3 * type.bytes(), bytes.length);
    assertThat(actual).isEqualTo(expected);
    byte[] part = new byte[2 * type.bytes()];
    rig.device.copyOut(buffer, 4, MemorySegment.ofArray(part)).await();
    assertThat(part).isEqualTo(Arrays.copyOfRange(bytes, type.bytes(), 3 * type.bytes()));
  }

  @Test
  void emptyBuffersAreAllowed() {
    Buffer empty = rig.open(rig.device.allocate(DataType.F32, 0));
    rig.device.copyOut(empty, 0, MemorySegment.ofArray(new float[0])).await();
    assertThat(empty.elements()).isZero();
  }

  @Test
  void moreThanThereIsNamesTheDevice() {
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> rig.device.allocate(DataType.F32, 1L << 40))
        .withMessageContaining(rig.device.info().id());
    assertThatExceptionOfType(DeviceException.class)
        .isThrownBy(() -> rig.device.liveRows(1 << 20, 1 << 20))
        .withMessageContaining(rig.device.info().id());
    assertThat(rig.device.liveBytes()).isZero();
  }

  @Test
  void theGaugeCountsWhatIsOpen() {
    Buffer buffer = rig.device.allocate(DataType.F32, 1000);
    long withBuffer = rig.device.liveBytes();
    assertThat(withBuffer).isGreaterThanOrEqualTo(4000);
    Linear map = rig.linear(100, 10, new float[1000], null);
    assertThat(rig.device.liveBytes()).isGreaterThanOrEqualTo(withBuffer + 4000);
    map.close();
    buffer.close();
    buffer.close();
    assertThat(rig.device.liveBytes()).isZero();
  }

  @Test
  void whatIsClosedCannotBeUsed() {
    LiveRows rows = Batch.full(1, 1).load(rig);
    Buffer x = rig.upload(1f);
    Buffer y = rig.upload(1f);
    Linear map = rig.linear(1, 1, new float[1], null);
    Recording recording =
        rig.device.record(() -> rig.device.gemm(rows, map, x, Epilogue.BIAS, null, y));

    y.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> rig.device.copyOut(y, 0, MemorySegment.ofArray(new float[1])))
        .withMessageContaining("copyOut");
    assertThatIllegalStateException()
        .isThrownBy(() -> rig.device.gemm(rows, map, x, Epilogue.BIAS, null, y))
        .withMessageContaining("gemm");
    assertThatIllegalStateException().isThrownBy(recording::replay);
    map.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> rig.device.gemm(rows, map, x, Epilogue.BIAS, null, x));
    rows.close();
    assertThatIllegalStateException().isThrownBy(rows::count);
    assertThatIllegalStateException()
        .isThrownBy(() -> rig.device.pool(rows, Pooling.MEAN, 1, x, x));
    recording.close();
    assertThatIllegalStateException().isThrownBy(recording::replay);
  }

  @Test
  void aClosedDeviceDoesNothingMore() {
    Device other = open();
    Buffer buffer = other.allocate(DataType.F32, 1);
    other.close();
    assertThatIllegalStateException().isThrownBy(() -> other.allocate(DataType.F32, 1));
    assertThatIllegalStateException()
        .isThrownBy(() -> other.copyOut(buffer, 0, MemorySegment.ofArray(new float[1])));
    buffer.close();
    other.close();
  }

  @Test
  void objectsOfAnotherDeviceAreRefused() {
    LiveRows rows = Batch.full(1, 1).load(rig);
    Buffer mine = rig.upload(1f);
    try (Device other = open();
        Buffer buffer = other.allocate(DataType.F32, 1);
        LiveRows foreign = other.liveRows(1, 1)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> rig.device.pool(rows, Pooling.MEAN, 1, mine, buffer))
          .withMessageContaining("pool: out is of another device");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> rig.device.pool(foreign, Pooling.MEAN, 1, mine, mine));
    }
  }

  @Test
  void aRecordingRunsOnWhatTheBuffersHoldThen() {
    int capacity = 5;
    float[] weight = rig.weight(6, 3);
    Linear head = rig.linear(6, 3, weight, null);
    LiveRows rows = rig.open(rig.device.liveRows(capacity, 2));
    Buffer in = rig.upload(new float[capacity * 2 * 6]);
    Buffer pooled = rig.upload(new float[capacity * 6]);
    ExitSignal signal = rig.signal(capacity, 3);
    Recording recording =
        rig.open(
            rig.device.record(() -> {
              rig.device.exitHead(rows, Pooling.MEAN, head, in, signal);
              rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);
              rig.device.pool(rows, Pooling.MAX, 6, in, pooled);
            }));
    assertThat(rig.floats(signal.scores())).as("recording does not run").containsOnly(0);

    for (int round = 0; round < 3; round++) {
      Batch batch = Batch.random(rig.random, capacity, 2);
      float[] x = batch.activations(rig.random, 6);
      rig.device.copyIn(MemorySegment.ofArray(x), in, 0).await();
      rows.load(batch.rows(), batch.lengths(), 2);

      recording.replay();

      float[] scores = rig.floats(signal.scores());
      float[] maxima = rig.floats(pooled);
      int stays = 0;
      for (int i = 0; i < batch.count(); i++) {
        if (!(scores[i] > 0.5f)) {
          assertThat(rows.rows()[stays]).isEqualTo(batch.rows()[i]);
          for (int j = 0; j < 6; j++) {
            int at = batch.rows()[i] * 2 * 6 + j;
            float largest = batch.lengths()[i] == 1 ? x[at] : Math.max(x[at], x[at + 6]);
            assertThat(maxima[stays * 6 + j]).as("row %d, element %d", i, j).isEqualTo(largest);
          }
          stays++;
        }
      }
      assertThat(rows.count()).isEqualTo(stays);
    }
  }

  @Test
  void copiesCannotBeRecordedAndRecordingsDoNotNest() {
    Buffer buffer = rig.upload(1f);
    Device device = rig.device;
    assertThatIllegalStateException()
        .isThrownBy(() ->
            device.record(() -> device.copyIn(MemorySegment.ofArray(new float[1]), buffer, 0)))
        .withMessageContaining("copyIn");
    assertThatIllegalStateException()
        .isThrownBy(() -> device.record(() -> device.record(() -> {})));
    device.copyIn(MemorySegment.ofArray(new float[] {2}), buffer, 0).await();
    assertThat(rig.floats(buffer)).as("works again after the failure").containsExactly(2f);
  }

  @Test
  void indexTablesRefuseNonsense() {
    LiveRows rows = rig.open(rig.device.liveRows(3, 4));
    assertThat(rows.count()).isZero();
    rows.load(new int[] {2, 0}, new int[] {4, 1}, 4);
    refuses(rows, new int[] {3}, new int[] {1}, 4);
    refuses(rows, new int[] {-1}, new int[] {1}, 4);
    refuses(rows, new int[] {1, 1}, new int[] {1, 1}, 4);
    refuses(rows, new int[] {1}, new int[] {0}, 4);
    refuses(rows, new int[] {1}, new int[] {3}, 2);
    refuses(rows, new int[] {1}, new int[] {1, 2}, 4);
    refuses(rows, new int[] {1}, new int[] {1}, 5);
    refuses(rows, new int[] {1}, new int[] {1}, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> rows.load(new int[] {1}, new int[] {1}, -1, 4))
        .withMessageStartingWith("load: count is -1");
    assertThat(rows.rows()).as("as before").containsExactly(2, 0);
    assertThat(rows.capacity()).isEqualTo(3);
  }

  private static void refuses(LiveRows rows, int[] numbers, int[] lengths, int positions) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> rows.load(numbers, lengths, positions))
        .withMessageStartingWith("load: ");
  }
}
