package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.offramp.kernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What TornadoVM's CUDA backend makes of the kernels, on its virtual device, without a GPU: CUDA C
 * that nvcc must compile. The backend has an SDK of its own, which TORNADOVM_CUDA_HOME names where
 * TORNADOVM_HOME is another's.
 */
class VirtualCudaTest {
  /** Its parser wants a line for each. */
  private static final String DEVICE =
      """
      {
        "deviceName" : "virtual",
        "doubleFPSupport" : true,
        "maxWorkItemSizes" : [1024, 1024, 64],
        "deviceAddressBits" : 64,
        "deviceType" : "CL_DEVICE_TYPE_GPU",
        "deviceExtensions" : "cl_khr_int64_base_atomics",
        "availableProcessors" : 132
      }
      """;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void nvccCompilesEveryKernel(Precision precision) throws Exception {
    Path sdk = sdk();
    assumeTrue(onPath("nvcc"), "no nvcc on the PATH");
    Path source = folder.resolve("kernels.cu");
    String said =
        onVirtualDevice(
            sdk,
            List.of(VirtualCuda.class.getName(), precision.name()),
            "-Dtornado.printKernel=True",
            "-Dtornado.print.kernel.dir=" + source);
    assertThat(said).contains(KernelTable.names(false, precision).size() + " kernels compiled");
    String text = Files.readString(source);
    assertThat(text.split("__global__ void", -1))
        .as("one function for each kernel")
        .hasSize(KernelTable.names(false, precision).size() + 1);
    assertThat(text)
        .as("local memory is indexed by places, not by offsets in bytes, which are longs")
        .doesNotContainPattern("\\bad[a-z]*_\\d+\\[l_");
    String out =
        run(
            "nvcc",
            "-cubin",
            "-arch=sm_90",
            "-Xptxas",
            "-v",
            "-o",
            folder.resolve("kernels.cubin").toString(),
            source.toString());
    assertThat(folder.resolve("kernels.cubin")).as(out).isNotEmptyFile();
    System.out.println(out);
  }

  /** W is transposed, in is not: 40 x 24 by 24 x 33. */
  @Test
  void cublasGetsTheParametersOfTheProduct() throws Exception {
    assertThat(onVirtualDevice(sdk(), List.of(VirtualCublas.class.getName())))
        .contains(
            """
            cublasSgemm 1 0 40 33 24 1.0 weight 24 in 24 0.0 out 40 out is WRITE_ONLY
            cublasSgemm 1 0 40 33 24 1.0 weight 24 in 24 1.0 out 40 out is READ_WRITE
            """);
  }

  /**
   * What a class says, here with its arguments, that is run in a JVM whose only device is
   * TornadoVM's virtual one.
   */
  private String onVirtualDevice(Path sdk, List<String> main, String... options) throws Exception {
    Path device = Files.writeString(folder.resolve("device.json"), DEVICE);
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + sdk.resolve("tornado-argfile"),
                "-Dtornado.recover.bailout=false",
                "-Dtornado.virtual.device=True",
                "-Dtornado.device.desc=" + device,
                "--add-opens",
                "tornado.runtime/uk.ac.manchester.tornado.runtime.tasks=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path")));
    command.addAll(List.of(options));
    command.addAll(main);
    return run(command.toArray(String[]::new));
  }

  private static Path sdk() throws IOException {
    List<String> named = new ArrayList<>();
    for (String variable : List.of("TORNADOVM_CUDA_HOME", "TORNADOVM_HOME")) {
      String home = System.getenv(variable);
      if (home != null) {
        Path backend = Path.of(home, "etc", "tornado.backend");
        if (Files.exists(backend) && Files.readString(backend).contains("cuda")) {
          return Path.of(home);
        }
        named.add(variable);
      }
    }
    assumeTrue(false, "no SDK of TornadoVM's CUDA backend in " + named);
    return null;
  }

  private static boolean onPath(String program) {
    for (String entry : System.getenv("PATH").split(java.io.File.pathSeparator)) {
      if (Files.isExecutable(Path.of(entry, program))) {
        return true;
      }
    }
    return false;
  }

  private String run(String... command) throws Exception {
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    int code = process.waitFor();
    String said = Files.readString(log);
    assertThat(code).as(said).isZero();
    return said;
  }
}
