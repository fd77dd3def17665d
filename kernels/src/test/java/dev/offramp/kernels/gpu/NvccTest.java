package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.offramp.kernels.Precision;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What NVIDIA's compiler makes of the kernels; no GPU is needed. */
class NvccTest {
  private static Nvcc nvcc;

  /** Each program for each architecture that is tested or kept. */
  private static Map<Ptx.Program, String> made;

  /** What each program that is tested takes. */
  private static Map<Ptx.Program, List<Nvcc.Use>> taken;

  /** Assembled as it lies in the jar where it is kept, so by the version that it states. */
  private static String assembled(Ptx.Program program) {
    boolean kept = PtxTest.programs().contains(program);
    return kept ? PtxTest.ptx(program) : made.get(program);
  }

  @BeforeAll
  static void compile() {
    nvcc = Nvcc.find().orElse(null);
    if (nvcc != null) {
      TreeSet<Integer> architectures = new TreeSet<>(KernelResources.ARCHITECTURES);
      architectures.addAll(KernelSources.CAPABILITIES);
      made = Nvcc.each(Ptx.programs(List.copyOf(architectures)), nvcc::ptx);
      taken =
          Nvcc.each(
              Ptx.programs(KernelResources.ARCHITECTURES),
              program -> nvcc.use(program, assembled(program)));
    }
  }

  @Test
  void thePtxThatIsKeptIsWhatNvccMakesOfTheKernels() {
    present();
    for (Ptx.Program program : PtxTest.programs()) {
      String kept = PtxTest.ptx(program);
      String version = Ptx.parse(kept).compiler();
      if (!nvcc.version().equals(version)) {
        skip("nvcc is %s, the PTX was made by %s".formatted(nvcc.version(), version));
      }
      assertThat(kept.equals(made.get(program)))
          .as("%s is what nvcc makes of the kernels; if not, %s", program.file(), Ptx.REMEDY)
          .isTrue();
    }
  }

  @Test
  void noKernelSpillsRegisters() {
    present();
    taken.forEach((program, uses) -> {
      assertThat(uses)
          .as(program.toString())
          .extracting(Nvcc.Use::kernel)
          .containsAll(Ptx.parse(assembled(program)).entries().keySet());
      assertThat(uses)
          .as("kernels with local memory, %s", program)
          .filteredOn(use -> use.stackBytes() > 0 || use.spillBytes() > 0)
          .isEmpty();
    });
  }

  /** The kernels of F32 on the oldest architecture are those that OpenCL runs on GPUs. */
  @Test
  void theLocalMemoryThatOpenClPromisesIsEnough() {
    present();
    List<Nvcc.Use> uses = taken.get(new Ptx.Program(75, Precision.F32));
    assertThat(uses)
        .extracting(Nvcc.Use::kernel)
        .contains("attention_128", "gemm_tile_128x128", "exit_head");
    assertThat(uses).filteredOn(use -> use.sharedBytes() > 32 << 10).isEmpty();
  }

  private static void present() {
    if (nvcc == null) {
      skip(Nvcc.ABSENT);
    }
  }

  private static void skip(String reason) {
    System.err.println("SKIPPED a test of the CUDA kernels: " + reason);
    abort(reason);
  }
}
