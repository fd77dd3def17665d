package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.ConvolutionKernel.Kind;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which kernel makes a convolution, and that the groups of its grid make all of it. */
class ConvolutionKernelTest {
  private static final Traits JAVA_PROCESSOR =
      new Traits(Traits.Dialect.JAVA, true, 4096, 32 << 10, 0);
  private static final List<Traits> TRAITS =
      List.of(FakeDriver.ACCELERATOR, FakeDriver.PROCESSOR, JAVA_PROCESSOR);

  private static ConvolutionShape shape(int side, int channels, int outputs, int groups) {
    return new ConvolutionShape(new ImageShape(side, side, channels), outputs, 3, 1, 1, groups);
  }

  @Test
  void everyPixelAndOutputIsTakenOnce() {
    long seed = System.nanoTime();
    System.out.println("ConvolutionKernelTest seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 5000; round++) {
      int groups = 1 + random.nextInt(4) * random.nextInt(2);
      int each = 1 + random.nextInt(300 / groups);
      ImageShape image =
          new ImageShape(1 + random.nextInt(40), 1 + random.nextInt(40), groups * each);
      ConvolutionShape shape = new ConvolutionShape(image, groups * each, 1, 1, 0, groups);
      int images = 1 + random.nextInt(random.nextBoolean() ? 3 : 2000);
      int units = 1 + random.nextInt(200);
      for (Traits traits : TRAITS) {
        ConvolutionKernel kernel = ConvolutionKernel.of(traits, units, images, shape);
        String what = "%s of %d x %s on %d units".formatted(kernel, images, shape, units);
        if (kernel == null) {
          assertThat(groups).as(what).isGreaterThan(1);
          continue;
        }
        Grid grid = kernel.grid(units, images, shape);
        if (kernel.kind() == Kind.TILE) {
          int across = Math.ceilDiv(each, kernel.n()); // as convolution_tile.c divides
          assertThat(grid.groupsX() % across).as(what).isZero();
          int down = grid.groupsX() / across;
          assertThat(down).as(what).isEqualTo(Math.ceilDiv(images * image.pixels(), kernel.m()));
        } else {
          int tiles = images * image.height() * Math.ceilDiv(image.width(), kernel.m());
          int tilesEach = kernel.tilesEach(units, images, shape);
          assertThat(grid.groupsX()).as(what).isEqualTo(Math.ceilDiv(tiles, tilesEach));
          assertThat(grid.groupsY()).as(what).isEqualTo(groups * Math.ceilDiv(each, kernel.n()));
        }
      }
    }
  }

  /** Small tiles for few outputs, the large one only where it leaves no part of a device idle. */
  @Test
  void theTileFollowsFromTheOutputs() {
    Traits traits = FakeDriver.ACCELERATOR;
    assertThat(name(traits, 1000, 1)).isEqualTo("convolution_tile_64x16");
    assertThat(name(traits, 1000, 16)).isEqualTo("convolution_tile_64x16");
    assertThat(name(traits, 1000, 17)).isEqualTo("convolution_tile_64x32");
    assertThat(name(traits, 1000, 64)).isEqualTo("convolution_tile_64x64");
    assertThat(name(traits, 1000, 65)).isEqualTo("convolution_tile_128x128");
    assertThat(name(traits, 1, 512)).isEqualTo("convolution_tile_64x64");
    assertThat(name(FakeDriver.PROCESSOR, 1, 16)).isEqualTo("convolution_vector_16x16");
    assertThat(name(FakeDriver.PROCESSOR, 1, 17)).isEqualTo("convolution_vector_8x32");
    assertThat(name(JAVA_PROCESSOR, 1, 16)).isEqualTo("convolution_vector_8x16");
    assertThat(name(JAVA_PROCESSOR, 1, 17)).isEqualTo("convolution_vector_8x16");
  }

  /** On 100 units. */
  private static String name(Traits traits, int images, int outputs) {
    return ConvolutionKernel.of(traits, 100, images, shape(8, 3, outputs, 1)).name();
  }

  /** A processor takes panels for groups of some outputs; all else is one output at a time. */
  @Test
  void groupsOfFewOutputsHaveNoPanels() {
    assertThat(ConvolutionKernel.vector(FakeDriver.PROCESSOR, shape(8, 32, 32, 8)).n())
        .isEqualTo(16);
    assertThat(ConvolutionKernel.vector(FakeDriver.PROCESSOR, shape(8, 64, 64, 2)).n())
        .isEqualTo(32);
    assertThat(ConvolutionKernel.vector(FakeDriver.PROCESSOR, shape(8, 32, 32, 16))).isNull();
    assertThat(ConvolutionKernel.of(FakeDriver.ACCELERATOR, 1, 9, shape(8, 64, 64, 2))).isNull();
  }

  @Test
  void smallDevicesGetTheKernelsThatFit() {
    for (int items = 64; items <= 1024; items *= 2) {
      Traits traits = new Traits(Traits.Dialect.OPENCL, false, items, 32 << 10, 0);
      for (int outputs : new int[] {16, 32, 64, 512}) {
        ConvolutionShape shape = shape(8, 3, outputs, 1);
        Grid grid = ConvolutionKernel.of(traits, 1, 1000, shape).grid(1, 1000, shape);
        assertThat(grid.itemsX() * grid.itemsY()).isLessThanOrEqualTo(items);
      }
    }
  }

  /** A kernel that KernelSources does not make could not be launched. */
  @Test
  void theProgramsHaveTheKernels() {
    for (Precision precision : Precision.values()) {
      String accelerator = KernelSources.text(FakeDriver.ACCELERATOR, precision);
      String processor = KernelSources.text(FakeDriver.PROCESSOR, precision);
      for (ConvolutionKernel kernel : ConvolutionKernel.TILE) {
        assertThat(accelerator).contains("#define CONVOLUTION " + kernel.name() + "\n");
      }
      for (ConvolutionKernel kernel : ConvolutionKernel.VECTOR) {
        assertThat(processor).contains("#define CONVOLUTION " + kernel.name() + "\n");
      }
    }
  }

  /** Kernels count the pixels of all images in an int. */
  @Test
  void moreImagesThanCanBeCountedAreRefused() {
    GpuRig rig = new GpuRig();
    ConvolutionShape shape = shape(20_000, 1, 1, 1);
    try (LiveRows rows = rig.device.liveRows(3, 1);
        Convolution map = rig.convolution(shape);
        Buffer in = rig.device.allocate(DataType.F32, 4);
        Buffer out = rig.device.allocate(DataType.F32, 4)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> rig.device.convolve(rows, map, in, Epilogue.BIAS, null, out))
          .withMessage(
              "convolve: pixels of all of in is 1200000000, at most 1073741824 on this device");
    }
    rig.device.close();
  }
}
