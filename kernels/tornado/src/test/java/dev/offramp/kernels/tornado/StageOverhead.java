package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Recording;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * What a stage costs beside its arithmetic: two encoder layers and an exit, on so few numbers that
 * they take no time. Devices take turns; medians. Then what the first runs of a stage take, which
 * is where kernels are compiled.
 *
 * <pre>java @$TORNADOVM_HOME/tornado-argfile -Dtornado.recover.bailout=false
 *     --add-opens tornado.runtime/uk.ac.manchester.tornado.runtime.tasks=ALL-UNNAMED
 *     --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED
 *     -cp "kernels/tornado/target/test-classes:kernels/tornado/target/classes:kernels/target/classes"
 *     dev.offramp.kernels.tornado.StageOverhead jvm opencl:0 tornado:0</pre>
 */
final class StageOverhead implements AutoCloseable {
  private static final int WIDTH = 32;
  private static final int ROUNDS = 30;
  private static final int REPLAYS = 100;
  private static final int OPERATIONS = 16;

  private final Device device;
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private final Recording stage;
  private final LiveRows rows;
  private final ExitSignal signal;

  private StageOverhead(String id) {
    device = open(Devices.open(id, DeviceOptions.defaults()));
    rows = open(device.liveRows(1, 4));
    signal = open(ExitSignal.allocate(device, 1, 0));
    Buffer x = activations(WIDTH);
    Buffer qkv = activations(3 * WIDTH);
    Buffer mixed = activations(WIDTH);
    Buffer wide = activations(4 * WIDTH);
    Linear in = linear(WIDTH, 3 * WIDTH);
    Linear out = linear(WIDTH, WIDTH);
    Linear up = linear(WIDTH, 4 * WIDTH);
    Linear down = linear(4 * WIDTH, WIDTH);
    Linear head = open(device.head(WIDTH, 2, zeros(2 * WIDTH), DataType.F32, zeros(2)));
    Normalization norm = new Normalization(f32(WIDTH), f32(WIDTH), 1e-5f);
    stage =
        open(
            device.record(() -> {
              for (int layer = 0; layer < 2; layer++) {
                device.gemm(rows, in, x, Epilogue.BIAS, null, qkv);
                device.attention(rows, 1, WIDTH, qkv, mixed);
                device.gemm(rows, out, mixed, Epilogue.BIAS_RESIDUAL, x, x);
                device.layerNorm(rows, norm, x, x);
                device.gemm(rows, up, x, Epilogue.BIAS_GELU, null, wide);
                device.gemm(rows, down, wide, Epilogue.BIAS_RESIDUAL, x, x);
                device.layerNorm(rows, norm, x, x);
              }
              device.exitHead(rows, Pooling.MEAN, head, x, signal);
              device.compact(rows, signal, Confidence.TOP1, 1);
            }));
  }

  private <T extends AutoCloseable> T open(T resource) {
    opened.push(resource);
    return resource;
  }

  private static MemorySegment zeros(int count) {
    return MemorySegment.ofArray(new float[count]);
  }

  private Buffer f32(int elements) {
    return open(device.allocate(DataType.F32, elements));
  }

  private Buffer activations(int width) {
    return open(device.allocate(device.activations(), 4L * width));
  }

  private Linear linear(int inputs, int outputs) {
    return open(
        device.linear(inputs, outputs, zeros(inputs * outputs), DataType.F32, zeros(outputs)));
  }

  /** Seconds of a stage with its read-back, after another. */
  private double run(int replays) {
    float[] score = new float[1];
    long start = System.nanoTime();
    for (int i = 0; i < replays; i++) {
      rows.load(new int[] {0}, new int[] {4}, 4);
      stage.replay();
      device.copyOut(signal.scores(), 0, MemorySegment.ofArray(score)).await();
    }
    return (System.nanoTime() - start) / 1e9 / replays;
  }

  public static void main(String[] ids) {
    List<StageOverhead> stages = new ArrayList<>();
    for (String id : ids) {
      long start = System.nanoTime();
      StageOverhead stage = new StageOverhead(id);
      System.out.printf("%s: opened in %.2f s", id, (System.nanoTime() - start) / 1e9);
      stages.add(stage);
      for (int i = 0; i < 3; i++) {
        System.out.printf(", run %d in %.3f s", i + 1, stage.run(1));
      }
      System.out.println();
    }
    double[][] seconds = new double[ids.length][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < ids.length; i++) {
        seconds[i][round] = stages.get(i).run(REPLAYS);
      }
    }
    for (int i = 0; i < ids.length; i++) {
      Arrays.sort(seconds[i]);
      double median = seconds[i][ROUNDS / 2] * 1e6;
      System.out.printf(
          "%s: %.0f us a stage, %.1f us for each of its %d operations%n",
          ids[i], median, median / OPERATIONS, OPERATIONS);
    }
    stages.forEach(StageOverhead::close);
  }

  @Override
  public void close() {
    try {
      while (!opened.isEmpty()) {
        opened.pop().close();
      }
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
