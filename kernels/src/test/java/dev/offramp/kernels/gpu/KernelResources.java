package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Writes what each CUDA kernel takes on each architecture as Markdown: {@code mvn -pl kernels
 * test-compile exec:exec@kernel-resources}. Takes the file.
 */
final class KernelResources {
  static final List<Integer> ARCHITECTURES = List.of(75, 80, 90);

  private KernelResources() {}

  public static void main(String[] arguments) throws IOException {
    Nvcc nvcc = Nvcc.find().orElse(null);
    if (nvcc == null) {
      System.err.println(Nvcc.ABSENT);
      System.exit(1);
    }
    Path file = Path.of(arguments[0]);
    Files.writeString(
        file,
        markdown(
            nvcc,
            Nvcc.each(
                Ptx.programs(ARCHITECTURES), program -> nvcc.use(program, nvcc.ptx(program)))));
    System.out.println("wrote " + file.normalize());
  }

  private static String markdown(Nvcc nvcc, Map<Ptx.Program, List<Nvcc.Use>> uses) {
    StringBuilder text = new StringBuilder();
    text.append(
        """
        # What the CUDA kernels take

        Registers of a thread, shared memory of a block and local memory of a thread, as `ptxas -v`
        of nvcc %s reports them; of the tensor kernels' shared memory also what their
        launch asks for. Local memory would hold spilled registers. A test fails if a kernel has any.
        To make this page anew: `mvn -pl kernels test-compile exec:exec@kernel-resources`.
        """
            .formatted(nvcc.version()));
    for (Precision precision : List.of(Precision.F32, Precision.F16)) {
      text.append("\n## ").append(precision == Precision.F16 ? "F16" : "F32 and TF32");
      text.append("\n\n| Kernel |");
      for (int architecture : ARCHITECTURES) {
        text.append(
            " sm_%d: registers | shared, bytes | local, bytes | spilled, bytes |"
                .formatted(architecture));
      }
      text.append("\n|---|").append("---:|".repeat(4 * ARCHITECTURES.size())).append('\n');
      for (String kernel : names(uses, precision)) {
        text.append("| ").append(kernel).append(" |");
        for (int architecture : ARCHITECTURES) {
          text.append(
              cells(kernel, architecture, uses.get(new Ptx.Program(architecture, precision))));
        }
        text.append('\n');
      }
    }
    return text.toString();
  }

  /** Kernels of any architecture, in alphabetical order. */
  private static Set<String> names(Map<Ptx.Program, List<Nvcc.Use>> uses, Precision precision) {
    return uses.keySet().stream()
        .filter(program -> program.precision() == precision)
        .flatMap(program -> uses.get(program).stream())
        .map(Nvcc.Use::kernel)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String cells(String kernel, int architecture, List<Nvcc.Use> uses) {
    return uses.stream()
        .filter(use -> use.kernel().equals(kernel))
        .findFirst()
        .map(use ->
            " %d | %d | %d | %d |"
                .formatted(
                    use.registers(),
                    use.sharedBytes() + launched(kernel, architecture),
                    use.stackBytes(),
                    use.spillBytes()))
        .orElse(" – | – | – | – |");
  }

  /** Shared memory that a kernel's launch asks for. */
  private static int launched(String kernel, int architecture) {
    Traits traits = new Traits(Traits.Dialect.CUDA, false, 1024, Integer.MAX_VALUE, architecture);
    GemmKernel gemm = GemmKernel.BY_NAME.get(kernel);
    return gemm == null ? 0 : gemm.grid(traits, 1, 1, 1).localBytes();
  }
}
