package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/**
 * What operations say of wrong arguments. That they compute the right thing the self-test shows.
 */
abstract class OperationConformance extends DeviceConformance {

  private EmbeddingTables tables(
      float[] words, float[] positions, float[] types, float[] gamma, float[] beta) {
    return new EmbeddingTables(
        rig.upload(words),
        rig.upload(positions),
        rig.upload(types),
        new Normalization(rig.upload(gamma), rig.upload(beta), 1e-2f));
  }

  @Test
  void embedNamesAnIdOutsideTheVocabularyOrLeavesNan() {
    EmbeddingTables tables =
        tables(new float[4], new float[6], new float[2], new float[2], new float[2]);
    LiveRows rows = Batch.full(1, 3).load(rig);
    Buffer ids = rig.upload(1, 2, 0);
    Buffer out = rig.upload(new float[6]);
    try {
      rig.device.embed(rows, tables, ids, out);
      assertThat(rig.floats(out)[2]).isNaN();
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("embed: id 2 at row 0, position 1");
    }
  }

  @Test
  void zeroLiveRowsDoNothing() {
    LiveRows rows = rig.open(rig.device.liveRows(2, 2));
    Buffer wide = rig.upload(new Batch(2, 2, null, null).untouched(3));
    Buffer narrow = rig.upload(new Batch(2, 2, null, null).untouched(1));
    Linear map = rig.linear(3, 1, new float[3], null);
    ExitSignal signal = rig.signal(2, 1);
    rows.load(new int[0], new int[0], 2);

    rig.device.gemm(rows, map, wide, Epilogue.BIAS, null, narrow);
    rig.device.attention(rows, 1, 1, wide, narrow);
    rig.device.pool(rows, Pooling.MEAN, 3, wide, narrow);
    rig.device.exitHead(rows, Pooling.MEAN, map, wide, signal);
    rig.device.compact(rows, signal, Confidence.TOP1, 0.5f);

    assertThat(rig.floats(narrow)).containsOnly(Batch.UNTOUCHED);
    assertThat(rig.floats(signal.scores())).containsOnly(0);
    assertThat(rows.rows()).isEmpty();
  }

  @Test
  void wrongArgumentsNameTheOperation() {
    LiveRows rows = Batch.full(2, 3).load(rig);
    Buffer six = rig.upload(new float[2 * 3 * 6]);
    Buffer small = rig.upload(new float[5]);
    Buffer ints = rig.upload(new int[36]);
    Linear map = rig.linear(6, 6, new float[36], null);
    Normalization norm = new Normalization(rig.upload(new float[6]), rig.upload(new float[6]), 0);
    ExitSignal signal = rig.signal(1, 6);
    Device device = rig.device;

    fails("gemm", () -> device.gemm(rows, map, small, Epilogue.BIAS, null, six));
    fails("gemm", () -> device.gemm(rows, map, six, Epilogue.BIAS, null, six));
    fails("gemm", () -> device.gemm(rows, map, ints, Epilogue.BIAS, null, six));
    fails("gemm", () -> device.gemm(rows, map, six, Epilogue.BIAS_RESIDUAL, null, small));
    fails("gemm", () -> device.gemm(null, map, six, Epilogue.BIAS, null, small));
    fails("layerNorm", () -> device.layerNorm(rows, norm, six, small));
    fails("attention", () -> device.attention(rows, 1, 0, six, six));
    fails("attention", () -> device.attention(rows, 1, 2, six, small));
    fails("attention", () -> device.attention(rows, 1 << 20, 1 << 20, six, small));
    fails("pool", () -> device.pool(rows, Pooling.MEAN, 6, six, small));
    fails("exitHead", () -> device.exitHead(rows, Pooling.MEAN, map, six, signal));
    fails("compact", () -> device.compact(rows, signal, Confidence.TOP1, 1));
    ExitSignal fitting = rig.signal(2, 0);
    fails("compact", () -> device.compact(rows, fitting, Confidence.TOP1, Float.NaN));
    fails(
        "linear",
        () -> device.linear(6, 7, MemorySegment.ofArray(new float[36]), DataType.F32, null));
    fails("copyIn", () -> device.copyIn(MemorySegment.ofArray(new float[4]), small, 2));
    fails("copyOut", () -> device.copyOut(small, -1, MemorySegment.ofArray(new float[1])));
    fails("allocate", () -> device.allocate(DataType.F32, -1));
    fails("liveRows", () -> device.liveRows(0, 1));
  }

  private static void fails(String operation, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(operation + ": ");
  }
}
