package dev.offramp.kernels.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Makes the kernels' PTX anew: {@code mvn -pl kernels test-compile exec:exec@ptx}. Takes the
 * resources' folder. To move to another version of nvcc, delete the PTX files first.
 */
final class PtxResources {
  private PtxResources() {}

  public static void main(String[] arguments) throws IOException {
    Path folder =
        Path.of(arguments[0]).resolve(KernelSources.class.getPackageName().replace('.', '/'));
    Nvcc nvcc = Nvcc.find().orElse(null);
    List<Ptx.Program> programs = Ptx.programs(KernelSources.CAPABILITIES);
    String fault = nvcc == null ? Nvcc.ABSENT : otherVersion(nvcc, folder, programs);
    if (fault != null) {
      System.err.println(fault);
      System.exit(1);
    }
    for (var made : Nvcc.each(programs, nvcc::ptx).entrySet()) {
      Path file = folder.resolve(made.getKey().file());
      boolean same = Files.exists(file) && Files.readString(file).equals(made.getValue());
      Files.writeString(file, made.getValue());
      System.out.println(file.getFileName() + (same ? " is as it was" : " is new"));
    }
  }

  /** What is wrong with that version, or null. */
  private static String otherVersion(Nvcc nvcc, Path folder, List<Ptx.Program> programs)
      throws IOException {
    for (Ptx.Program program : programs) {
      Path file = folder.resolve(program.file());
      if (Files.exists(file)) {
        String compiler = Ptx.parse(Files.readString(file)).compiler();
        if (!compiler.equals(nvcc.version())) {
          return ("%s was made by nvcc %s, this is nvcc %s; install that one, or delete the PTX files to"
                  + " move to this one")
              .formatted(file, compiler, nvcc.version());
        }
      }
    }
    return null;
  }
}
