package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Traits.Dialect;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** That the groups of a grid take every position and output once. */
class GemmKernelTest {
  private static final Traits CUDA = new Traits(Dialect.CUDA, false, 1024, 99 << 10, 89);

  private static final Traits HOPPER = new Traits(Dialect.CUDA, false, 1024, 227 << 10, 90, true);

  private record Case(Traits traits, GemmKernel kernel) {}

  static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (Traits traits : List.of(FakeDriver.ACCELERATOR, FakeDriver.PROCESSOR, CUDA, HOPPER)) {
      for (Precision precision : Precision.values()) {
        for (int inputs : new int[] {64, 63}) {
          for (GemmKernel kernel : GemmKernel.of(traits, precision, inputs)) {
            Case one = new Case(traits, kernel);
            if (!cases.contains(one)) {
              cases.add(one);
            }
          }
        }
      }
    }
    return cases;
  }

  /** An application's locale may write numbers in other digits; CUDA knows ASCII names only. */
  @Test
  void namesDoNotDependOnTheLocale() {
    Locale usual = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("ar-EG"));
    try {
      assertThat("%d".formatted(7)).isNotEqualTo("7");
      assertThat(GemmKernel.TILE).allMatch(kernel -> GemmKernel.BY_NAME.get(kernel.name()) != null);
      assertThat(GemmKernel.TILE.getFirst().name()).matches("gemm_tile_[0-9]+x[0-9]+");
      assertThat(ConvolutionKernel.TILE.getFirst().name())
          .matches("convolution_tile_[0-9]+x[0-9]+");
      assertThat(KernelSources.ptx(90, Precision.F16)).isNotEmpty();
    } finally {
      Locale.setDefault(usual);
    }
  }

  /** Random sizes, and those around the edges of a tile. */
  @ParameterizedTest
  @MethodSource("cases")
  void everyPositionAndOutputIsTakenOnce(Case one) {
    long seed = System.nanoTime();
    System.out.println("GemmKernelTest seed " + seed);
    Random random = new Random(seed);
    GemmKernel kernel = one.kernel;
    for (int round = 0; round < 3000; round++) {
      int tokens = size(random, kernel.m(), 20_000);
      int outputs = size(random, kernel.n(), 5000);
      int units = 1 + random.nextInt(200);
      Grid grid = kernel.grid(one.traits, tokens, outputs, units);
      String what = "%s of %d x %d on %d units".formatted(kernel, tokens, outputs, units);
      coversOnce(what + ", down", grid.groupsY(), kernel.m(), tokens);
      int across = kernel.n();
      if (kernel.kind() == GemmKernel.Kind.VECTOR) {
        int stride = kernel.stride(tokens, outputs, units);
        assertThat(stride).as(what).isPositive();
        across *= stride; // a work item takes so many panels
      }
      coversOnce(what + ", across", grid.groupsX(), across, outputs);
    }
  }

  private static int size(Random random, int tile, int most) {
    return switch (random.nextInt(3)) {
      case 0 -> 1 + random.nextInt(3);
      case 1 -> Math.max(1, tile * (1 + random.nextInt(8)) + random.nextInt(3) - 1);
      default -> 1 + random.nextInt(most);
    };
  }

  /** Group g takes g * each to (g + 1) * each - 1: all of size, and no group is idle. */
  private static void coversOnce(String what, int groups, int each, int size) {
    if ((long) groups * each < size || (groups - 1L) * each >= size) {
      assertThat(groups).as(what).isEqualTo((size + each - 1) / each);
    }
  }

  /**
   * Each item (tile), warp (tensor) or group of warps makes its part: together they are the tile.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void theItemsOfAGroupMakeItsTile(Case one) {
    GemmKernel kernel = one.kernel;
    Grid grid = kernel.grid(one.traits, 100, 100, 4);
    int items = grid.itemsX() * grid.itemsY();
    int workers =
        switch (kernel.kind()) {
          case TENSOR -> items / 32;
          case WARPGROUP -> items / 128;
          case TILE, VECTOR -> items;
        };
    assertThat(workers * kernel.each() * kernel.eachN()).isEqualTo(kernel.m() * kernel.n());
    assertThat(items).isLessThanOrEqualTo(one.traits.maxGroupItems());
    assertThat(grid.localBytes()).isLessThanOrEqualTo(one.traits.localBytes());
  }

  @Test
  void smallDevicesGetTheKernelsThatFit() {
    for (int items = 64; items <= 1024; items *= 2) {
      Traits traits = new Traits(Dialect.OPENCL, false, items, 32 << 10, 0);
      List<GemmKernel> kernels = GemmKernel.of(traits, Precision.F32, 64);
      assertThat(kernels).isNotEmpty();
      for (GemmKernel kernel : kernels) {
        Grid grid = kernel.grid(traits, 1, 1, 1);
        assertThat(grid.itemsX() * grid.itemsY()).isLessThanOrEqualTo(items);
      }
    }
    for (int capability : new int[] {75, 80, 86, 90}) {
      for (int local : new int[] {48 << 10, 64 << 10, 99 << 10, 227 << 10}) {
        Traits traits = new Traits(Dialect.CUDA, false, 1024, local, capability);
        List<GemmKernel> kernels = GemmKernel.of(traits, Precision.F16, 64);
        assertThat(kernels).isNotEmpty();
        for (GemmKernel kernel : kernels) {
          assertThat(kernel.grid(traits, 1, 1, 1).localBytes()).isLessThanOrEqualTo(local);
        }
      }
    }
  }

  /** A kernel that KernelSources does not make could not be launched. */
  @ParameterizedTest
  @MethodSource("cases")
  void theProgramHasTheKernel(Case one) {
    String text = KernelSources.text(one.traits, Precision.F16);
    assertThat(text).contains("#define GEMM " + one.kernel.name() + "\n");
  }
}
