package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The fast way of computing 3x3 convolutions: an image's values are the same bits on any number of
 * threads, which cut it differently, beside other images, and through a recording.
 */
class JvmWinogradTest {
  private static final int ROWS = 5;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());

  @ParameterizedTest
  @CsvSource({"32, 32, 16, 16", "17, 15, 16, 32", "8, 8, 64, 64", "9, 7, 5, 24", "9, 8, 24, 40"})
  void bitsDependOnNothingButTheImage(int height, int width, int channels, int outputs) {
    System.out.println("JvmWinogradTest: offramp.seed=" + seed);
    ConvolutionShape shape =
        ConvolutionShape.same(new ImageShape(height, width, channels), outputs, 3, 1);
    Random random = new Random(seed);
    float[] in = new float[ROWS * shape.in().elements()];
    for (int i = 0; i < in.length; i++) {
      in[i] = (float) random.nextGaussian();
    }
    in[shape.in().elements() + random.nextInt(shape.in().elements())] = Float.NaN; // Row 1.
    int[] all = {3, 0, 4, 1, 2};
    float[] expected = convolve(1, shape, in, all, false);
    for (int threads : new int[] {1, 2, 3, 5}) {
      assertThat(convolve(threads, shape, in, all, true)).isEqualTo(expected);
      float[] apart = new float[expected.length];
      for (int row = 0; row < ROWS; row++) {
        float[] alone = convolve(threads, shape, in, new int[] {row}, threads % 2 == 0);
        int size = shape.out().elements();
        System.arraycopy(alone, row * size, apart, row * size, size);
      }
      assertThat(apart).as("%d threads", threads).isEqualTo(expected);
    }
  }

  /** What one way of computing cannot do the other can: no number of these overflows by itself. */
  @ParameterizedTest
  @ValueSource(floats = {3e38f, 1e20f, 1f})
  void hugeNumbersComeThrough(float huge) {
    ConvolutionShape shape = ConvolutionShape.same(new ImageShape(6, 5, 16), 16, 3, 1);
    float[] in = new float[shape.in().elements()];
    for (int i = 0; i < in.length; i++) {
      in[i] = i % 2 == 0 ? huge : -huge;
    }
    float[] weight = new float[16 * 16 * 9];
    for (int o = 0; o < 16; o++) {
      weight[(o * 16 + o) * 9 + 4] = 1; // The middle of the kernel from a channel to itself.
    }
    try (Rig rig = new Rig(Devices.open("jvm", new DeviceOptions(1)), seed)) {
      LiveRows rows = rig.open(rig.device.liveRows(1, 1));
      rows.load(new int[] {0}, new int[] {1}, 1);
      Convolution map =
          rig.open(
              rig.device.convolution(shape, MemorySegment.ofArray(weight), DataType.F32, null));
      Buffer out = rig.upload(new float[in.length]);

      rig.device.convolve(rows, map, rig.upload(in), Epilogue.BIAS, null, out);

      assertThat(rig.floats(out)).isEqualTo(in);
    }
  }

  /** A depthwise convolution is small however many channels it has. */
  @Test
  void manyChannelsInGroups() {
    ConvolutionShape shape =
        new ConvolutionShape(new ImageShape(3, 3, 12_000), 12_000, 3, 1, 1, 12_000);
    try (Rig rig = new Rig(Devices.open("jvm", new DeviceOptions(1)), seed)) {
      MemorySegment weight = MemorySegment.ofArray(new float[12_000 * 9]);
      assertThat(rig.open(rig.device.convolution(shape, weight, DataType.F32, null)).shape())
          .isEqualTo(shape);
    }
  }

  private float[] convolve(
      int threads, ConvolutionShape shape, float[] in, int[] live, boolean recorded) {
    try (Rig rig = new Rig(Devices.open("jvm", new DeviceOptions(threads)), seed)) {
      LiveRows rows = rig.open(rig.device.liveRows(ROWS, 1));
      int[] lengths = new int[live.length];
      Arrays.fill(lengths, 1);
      rows.load(live, lengths, 1);
      float[] weight = rig.weight(shape.depth(), shape.outputs());
      float[] bias = rig.numbers(shape.outputs(), 1);
      Convolution map =
          rig.open(
              rig.device.convolution(
                  shape, MemorySegment.ofArray(weight), DataType.F32, MemorySegment.ofArray(bias)));
      Buffer x = rig.upload(in);
      int size = ROWS * shape.out().elements();
      Buffer y = rig.open(rig.device.allocate(DataType.F32, size));
      Buffer z = rig.open(rig.device.allocate(DataType.F32, size));
      Runnable operations =
          () -> {
            rig.device.convolve(rows, map, x, Epilogue.BIAS_RELU, null, y);
            rig.device.convolve(rows, map, x, Epilogue.BIAS_RESIDUAL, y, z);
          };
      if (recorded) {
        try (Recording recording = rig.device.record(operations)) {
          recording.replay();
        }
      } else {
        operations.run();
      }
      return rig.floats(z);
    }
  }
}
