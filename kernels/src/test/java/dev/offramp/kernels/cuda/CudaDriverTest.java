package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import dev.offramp.kernels.gpu.Grid;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The order of calls, their arguments and their errors, on the library of fakecuda.c. */
class CudaDriverTest {
  @BeforeEach
  void reset() {
    FakeCuda.reset();
  }

  @AfterEach
  void nothingIsLeftAlive() {
    assertThat(FakeCuda.alive()).isEmpty();
  }

  private static CudaDriver open() {
    return FakeCuda.open(FakeCuda.driverOnly(), Precision.F32);
  }

  @Test
  void opensAndClosesInOrder() {
    CudaDriver driver = open();
    assertThat(FakeCuda.log())
        .containsExactly(
            "cuInit 0",
            "cuDevicePrimaryCtxRetain 0",
            "cuCtxSetCurrent",
            "cuStreamCreate 1",
            "cuMemPoolSetAttribute 4 ffffffffffffffff",
            "cuModuleLoadDataEx " + FakeCuda.PTX);
    driver.close();
    assertThat(FakeCuda.log())
        .containsExactly(
            "cuStreamSynchronize",
            "cuModuleUnload",
            "cuStreamSynchronize",
            "cuMemPoolTrimTo 0",
            "cuStreamDestroy_v2",
            "cuDevicePrimaryCtxRelease_v2 0");
    driver.close();
    assertThat(FakeCuda.log()).isEmpty();
  }

  @Test
  void closingFreesWhatIsStillOpen() {
    CudaDriver driver = open();
    driver.allocate(10);
    driver.allocate(20);
    driver.pinned(30);
    Mark mark = driver.mark();
    driver.mark().close();
    driver.beginCapture();
    driver.launch("list_tokens", Grid.of(1, 32), null, 3);
    Captured captured = driver.endCapture();
    driver.beginCapture();
    driver.close();
    mark.close();
    captured.close();
  }

  @Test
  void bytesGoThereAndBack() {
    try (CudaDriver driver = open()) {
      Memory memory = driver.allocate(64);
      try (Pinned pinned = driver.pinned(16)) {
        assertThat(pinned.segment().get(ValueLayout.JAVA_LONG, 8)).isZero();
        pinned.segment().set(ValueLayout.JAVA_LONG, 0, 0x0102030405060708L);
        pinned.segment().set(ValueLayout.JAVA_LONG, 8, -1);
        driver.write(pinned.segment(), memory, 40);
        driver.zero(memory, 44, 8);
        pinned.segment().fill((byte) 0x55);
        driver.read(memory, 40, pinned.segment());
        assertThat(pinned.segment().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(0x05060708L);
        assertThat(pinned.segment().get(ValueLayout.JAVA_LONG, 8)).isEqualTo(-1L << 32);
        assertThatThrownBy(() -> driver.read(memory, 49, pinned.segment()))
            .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> driver.write(pinned.segment(), memory, -1))
            .isInstanceOf(IndexOutOfBoundsException.class);
      }
      driver.free(memory);
      assertThat(FakeCuda.alive()).doesNotContain("memory").doesNotContain("pinned");
      assertThatIllegalArgumentException().isThrownBy(() -> driver.free(memory));
    }
  }

  @Test
  void withoutMemoryPoolsFreeingWaits() {
    FakeCuda.set("pools", 0);
    try (CudaDriver driver = open()) {
      FakeCuda.log();
      driver.free(driver.allocate(8));
      assertThat(FakeCuda.log())
          .containsExactly("cuMemAlloc_v2 8", "cuStreamSynchronize", "cuMemFree_v2");
      driver.allocate(8);
    }
  }

  @Test
  void argumentsAreLaidOutByTheirTypes() {
    try (CudaDriver driver = open()) {
      Memory live = driver.allocate(4);
      Memory scores = driver.allocate(4);
      FakeCuda.log();
      driver.launch("list_tokens", new Grid(7, 5, 32, 4, 0), null, -1);
      driver.launch("compact", Grid.of(1, 256), live, 512, scores, 0, 0.75f, 0);
      assertThat(FakeCuda.log())
          .containsExactly(
              "cuModuleGetFunction list_tokens",
              "cuLaunchKernel list_tokens groups 7 5 1 items 32 4 1 shared 0 arguments 0 -1",
              "cuModuleGetFunction compact",
              "cuLaunchKernel compact groups 1 1 1 items 256 1 1 shared 0 arguments %x 512 %x 0 0.75 0"
                  .formatted(live.handle(), scores.handle()));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), live, 3L))
          .withMessageContaining("list_tokens is given a Long");
    }
  }

  @Test
  void kernelsMayOverlapWhereThatIsAskedFor() {
    System.setProperty("offramp.cuda.overlap", "true");
    try (CudaDriver driver = FakeCuda.open(FakeCuda.installed(), Precision.F32)) {
      Memory live = driver.allocate(4);
      FakeCuda.log();
      driver.launch("list_tokens", new Grid(7, 5, 32, 4, 1000), live, -1);
      driver.beginCapture();
      driver.launch("list_tokens", Grid.of(2, 1), live, 3);
      driver.endCapture().launch();
      String launch = "cuLaunchKernelEx list_tokens groups %s overlapping arguments %x %d";
      assertThat(FakeCuda.log())
          .filteredOn(line -> line.startsWith("cuLaunch"))
          .containsExactly(
              launch.formatted("7 5 1 items 32 4 1 shared 1000", live.handle(), -1),
              launch.formatted("2 1 1 items 1 1 1 shared 0", live.handle(), 3));
      FakeCuda.fail("cuLaunchKernelEx", 1, 719);
      assertThatThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), live, 1))
          .hasMessageContaining("device lost: cuLaunchKernelEx of list_tokens failed");
    } finally {
      System.clearProperty("offramp.cuda.overlap");
    }
  }

  @Test
  void sharedMemoryIsAskedForWhenMoreIsNeeded() {
    try (CudaDriver driver = open()) {
      for (int bytes : new int[] {1000, 1000, 500, 100_000}) {
        driver.launch("list_tokens", new Grid(1, 1, 1, 1, bytes), null, 1);
      }
      assertThat(FakeCuda.log().stream().filter(l -> l.startsWith("cuFunc")))
          .containsExactly(
              "cuFuncSetAttribute list_tokens 1000", "cuFuncSetAttribute list_tokens 100000");
      assertThatThrownBy(() -> driver.launch("list_tokens", new Grid(1, 1, 1, 1, 300_000), null, 1))
          .hasMessageContaining("cuFuncSetAttribute of list_tokens to 300000 bytes");
    }
  }

  @Test
  void aCaptureIsLaunchedAgainAndAgain() {
    try (CudaDriver driver = open()) {
      driver.launch("list_tokens", Grid.of(1, 1), null, 1);
      FakeCuda.log();
      driver.beginCapture();
      driver.launch("list_tokens", Grid.of(1, 1), null, 2);
      driver.launch("list_tokens", Grid.of(1, 1), null, 3);
      Captured captured = driver.endCapture();
      assertThat(FakeCuda.log())
          .containsExactly(
              "cuStreamBeginCapture_v2 1",
              "cuStreamEndCapture",
              "cuGraphInstantiateWithFlags 0",
              "cuGraphDestroy",
              "cuGraphUpload");
      String launch = "cuLaunchKernel list_tokens groups 1 1 1 items 1 1 1 shared 0 arguments 0 ";
      captured.launch();
      captured.launch();
      assertThat(FakeCuda.log())
          .containsExactly(
              "cuGraphLaunch", launch + 2, launch + 3, "cuGraphLaunch", launch + 2, launch + 3);
      captured.close();
      captured.close();
      assertThat(FakeCuda.log()).containsExactly("cuStreamSynchronize", "cuGraphExecDestroy");
    }
  }

  @Test
  void aCaptureCanBeAbandoned() {
    try (CudaDriver driver = open()) {
      driver.abandonCapture();
      driver.beginCapture();
      driver.launch("list_tokens", Grid.of(1, 1), null, 2);
      driver.abandonCapture();
      assertThat(FakeCuda.alive()).doesNotContain("graph");
      driver.beginCapture();
      FakeCuda.fail("cuStreamEndCapture", 1, 901);
      driver.abandonCapture();
      driver.allocate(1);
      for (String call :
          List.of("cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphUpload")) {
        driver.beginCapture();
        FakeCuda.fail(call, 1, 901);
        assertThatThrownBy(driver::endCapture)
            .hasMessageContaining("cuda:0: " + call + " failed: CUDA_ERROR_STREAM_CAPTURE_INV");
        assertThat(FakeCuda.alive()).doesNotContain("graph").doesNotContain("exec");
      }
    }
  }

  @Test
  void awaitingSpinsAndThenSleeps() {
    try (CudaDriver driver = open()) {
      Mark first = driver.mark();
      FakeCuda.log();
      first.await();
      assertThat(FakeCuda.log()).containsExactly("cuEventQuery");
      FakeCuda.set("queries", -1);
      first.await();
      assertThat(FakeCuda.log()).containsExactly("cuEventSynchronize");
      first.close();
      first.close();
      Mark second = driver.mark();
      Mark third = driver.mark();
      assertThat(FakeCuda.log())
          .containsExactly("cuEventRecord", "cuEventCreate 3", "cuEventRecord");
      second.close();
      third.close();
    }
  }

  @Test
  void anyThreadMayUseTheDriver() throws InterruptedException {
    try (CudaDriver driver = open();
        CudaDriver other = open()) {
      FakeCuda.log();
      driver.allocate(1);
      driver.allocate(2);
      other.allocate(3);
      Thread.ofPlatform().start(() -> driver.allocate(4)).join();
      Thread.ofVirtual().start(() -> driver.allocate(5)).join();
      assertThat(FakeCuda.log())
          .containsExactly(
              "cuCtxSetCurrent",
              "cuMemAllocAsync 1",
              "cuMemAllocAsync 2",
              "cuCtxSetCurrent",
              "cuMemAllocAsync 3",
              "cuCtxSetCurrent",
              "cuMemAllocAsync 4",
              "cuCtxSetCurrent",
              "cuMemAllocAsync 5");
    }
  }

  @Test
  void outOfMemoryLeavesTheDeviceUsable() {
    try (CudaDriver driver = open()) {
      FakeCuda.fail("cuMemAllocAsync", 1, 2);
      assertThatThrownBy(() -> driver.allocate(5_000_000))
          .isInstanceOf(DeviceException.class)
          .hasMessage(
              "cuda:0: cuMemAllocAsync of 5,000,000 bytes failed: CUDA_ERROR_OUT_OF_MEMORY (2): out"
                  + " of memory; use a smaller batch, or end other programs on the device");
      assertThat(FakeCuda.alive()).doesNotContain("memory");
      driver.free(driver.allocate(5));
      FakeCuda.fail("cuMemHostAlloc", 1, 2);
      assertThatThrownBy(() -> driver.pinned(7)).hasMessageContaining("cuMemHostAlloc of 7 bytes");
    }
  }

  @Test
  void anUnknownKernelIsNamed() {
    try (CudaDriver driver = open()) {
      assertThatThrownBy(() -> driver.launch("nothing", Grid.of(1, 1)))
          .hasMessageContaining(
              "cuModuleGetFunction of nothing failed: CUDA_ERROR_NOT_FOUND (500)");
    }
  }

  @Test
  void aLostDeviceSaysSoEverAfter() {
    try (CudaDriver driver = open()) {
      Memory memory = driver.allocate(8);
      driver.pinned(8);
      Mark mark = driver.mark();
      FakeCuda.fail("cuEventQuery", 1, 700);
      assertThatThrownBy(mark::await)
          .hasMessageContaining(
              "cuda:0: device lost: cuEventQuery failed: CUDA_ERROR_ILLEGAL_ADDR");
      for (Runnable call :
          List.<Runnable>of(
              () -> driver.allocate(1),
              () -> driver.free(memory),
              () -> driver.launch("list_tokens", Grid.of(1, 1), null, 1),
              mark::await,
              driver::mark,
              driver::beginCapture)) {
        assertThatThrownBy(call::run)
            .isInstanceOf(DeviceException.class)
            .hasMessageContaining("cuda:0: device lost, open it in a new process")
            .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS (700)");
      }
    }
  }

  @Test
  void aFailedLaunchLosesTheDevice() {
    try (CudaDriver driver = open()) {
      FakeCuda.fail("cuLaunchKernel", 1, 719);
      assertThatThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), null, 1))
          .hasMessageContaining("device lost: cuLaunchKernel of list_tokens failed")
          .hasMessageContaining("CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure");
      assertThatThrownBy(() -> driver.allocate(1)).hasMessageContaining("device lost");
    }
  }

  @Test
  void aTerminatedMpsClientHasLostTheDevice() {
    for (int code : new int[] {806, 810}) {
      try (CudaDriver driver = open()) {
        FakeCuda.fail("cuMemAllocAsync", 1, code);
        assertThatThrownBy(() -> driver.allocate(1))
            .hasMessageContaining("device lost: cuMemAllocAsync of 1 bytes failed")
            .hasMessageContaining("CUDA_ERROR_MPS_")
            .hasMessageContaining("(%d)".formatted(code));
        assertThatThrownBy(driver::mark).hasMessageContaining("device lost");
      }
    }
  }

  @Test
  void aDeviceThatAnotherProcessHasIsRefusedNotLost() {
    FakeCuda.fail("cuDevicePrimaryCtxRetain", 1, 46);
    assertThatThrownBy(CudaDriverTest::open)
        .isInstanceOf(DeviceException.class)
        .hasMessageStartingWith(
            "cuda:0: cuDevicePrimaryCtxRetain failed: CUDA_ERROR_DEVICE_UNAVAILABLE (46)")
        .hasMessageContaining("another process has the device for itself")
        .hasMessageContaining("nvidia-smi -c 0")
        .message()
        .doesNotContain("lost", "new process");
    open().close();
  }

  @Test
  void whateverFailsWhileOpeningFreesTheRest() {
    for (String call :
        List.of(
            "cuDeviceGet",
            "cuDevicePrimaryCtxRetain",
            "cuCtxSetCurrent",
            "cuStreamCreate",
            "cuDeviceGetMemPool",
            "cuMemPoolSetAttribute",
            "cuModuleLoadDataEx")) {
      // The first cuDeviceGet is the one that asks for the properties.
      FakeCuda.fail(call, call.equals("cuDeviceGet") ? 2 : 1, 1);
      assertThatThrownBy(CudaDriverTest::open)
          .hasMessageContaining("cuda:0: " + call)
          .hasMessageContaining("CUDA_ERROR_INVALID_VALUE (1)");
      assertThat(FakeCuda.alive()).as(call).isEmpty();
    }
  }
}
