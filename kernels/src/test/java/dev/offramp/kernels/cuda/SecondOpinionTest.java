package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.offramp.kernels.OtherJvm;
import dev.offramp.kernels.Probe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmemPool_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.CUstream_flags;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bindings to libcuda beside JCuda's: {@link SecondOpinion} in a JVM of its own. */
class SecondOpinionTest {
  /** Of devices, errors and memory; the launches are checked otherwise on a GPU. */
  private static final int CHECKS_OF_ONE_DEVICE = 5 + 4 * 5 + 3;

  @TempDir Path folder;

  @Test
  void numbersAreThoseOfJCuda() {
    assertThat(
            List.of(
                Cuda.SUCCESS,
                Cuda.OUT_OF_MEMORY,
                Cuda.UNSUPPORTED_PTX_VERSION,
                Cuda.NOT_READY,
                Cuda.MAX_THREADS_PER_BLOCK,
                Cuda.MULTIPROCESSOR_COUNT,
                Cuda.CAPABILITY_MAJOR,
                Cuda.CAPABILITY_MINOR,
                Cuda.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
                Cuda.MEMORY_POOLS_SUPPORTED,
                Cuda.STREAM_NON_BLOCKING,
                Cuda.EVENT_BLOCKING_SYNC_NO_TIMING,
                Cuda.CAPTURE_THREAD_LOCAL,
                Cuda.MEMPOOL_RELEASE_THRESHOLD,
                Cuda.MAX_DYNAMIC_SHARED_SIZE_BYTES,
                Cuda.JIT_ERROR_LOG_BUFFER,
                Cuda.JIT_ERROR_LOG_BUFFER_SIZE_BYTES))
        .containsExactly(
            CUresult.CUDA_SUCCESS,
            CUresult.CUDA_ERROR_OUT_OF_MEMORY,
            CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
            CUresult.CUDA_ERROR_NOT_READY,
            CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
            CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
            CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
            CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
            CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
            CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED,
            CUstream_flags.CU_STREAM_NON_BLOCKING,
            CUevent_flags.CU_EVENT_BLOCKING_SYNC | CUevent_flags.CU_EVENT_DISABLE_TIMING,
            CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL,
            CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
            CUjit_option.CU_JIT_ERROR_LOG_BUFFER,
            CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
  }

  @Test
  void onTheFakeLibrary() throws IOException, InterruptedException {
    requireNatives();
    FakeCuda.compile(folder.resolve("libcuda.so.1"));
    assertThat(run("LD_LIBRARY_PATH"))
        .contains("ok   devices: 1", "ok   nothing is left alive", "all passed")
        .anyMatch(line -> line.startsWith("ok   cuLaunchKernel compact groups 1 1 1 items 256 1 1"))
        .anyMatch(line ->
            line.startsWith(
                "ok   cuLaunchKernel list_tokens groups 301 2 1 items 32 4 1 shared 1000"))
        .filteredOn(line -> line.startsWith("ok   "))
        .hasSize(CHECKS_OF_ONE_DEVICE + 1);
  }

  @Test
  void onTheGpu() throws IOException, InterruptedException {
    requireNatives();
    List<Probe> probes = CudaDevices.probe();
    assumeTrue(
        probes.getFirst().accepted(), () -> "no CUDA device here: " + probes.getFirst().reason());
    assertThat(run("OFFRAMP_IGNORED"))
        .contains("ok   both launches left the same table", "all passed")
        .filteredOn(line -> line.startsWith("ok   "))
        .hasSize(CHECKS_OF_ONE_DEVICE + probes.size() - 1);
  }

  private static void requireNatives() {
    assumeTrue(
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64"),
        "JCuda's native library is fetched for Linux on x86-64 only");
  }

  /** Lines printed by a JVM in which that variable names the folder. */
  private List<String> run(String variable) throws IOException, InterruptedException {
    Path out = folder.resolve("out");
    ProcessBuilder builder =
        OtherJvm.running(
            SecondOpinion.class,
            "--enable-native-access=ALL-UNNAMED",
            "-Dofframp.cuda.modules=ptx",
            "-Djava.io.tmpdir=" + folder); // JCuda unpacks its library there, and leaves it.
    builder.environment().put(variable, folder.toString());
    Process process = builder.redirectOutput(out.toFile()).start();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
    assertThat(process.waitFor()).as(Files.readString(out)).isZero();
    return Files.readAllLines(out);
  }
}
