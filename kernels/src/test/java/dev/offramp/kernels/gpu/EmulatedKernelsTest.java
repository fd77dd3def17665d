package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** That running CUDA kernels on the processor finds what a GPU would punish, and only that. */
class EmulatedKernelsTest {
  private static final int THREADS = 128;
  private static final int LAUNCHES = 40;

  /** Kernels that turn a line of a block around; what is wrong with each, its name says. */
  private static final String TEXT =
      """
      KERNEL void right(const int* in, int* out) {
        AWAIT_EARLIER();
        __shared__ int line[128];
        line[LANE] = in[LANE];
        __syncthreads();
        out[LANE] = line[127 - LANE];
      }
      KERNEL void without_barrier(const int* in, int* out) {
        AWAIT_EARLIER();
        __shared__ int line[128];
        line[LANE] = in[LANE];
        out[LANE] = line[127 - LANE];
      }
      KERNEL void barrier_of_some(const int* in, int* out) {
        AWAIT_EARLIER();
        if (LANE % 32 < 16) {
          __syncthreads();
        } else {
          __syncwarp();
        }
        out[LANE] = in[127 - LANE];
      }
      KERNEL void shuffle_of_some(const int* in, int* out) {
        AWAIT_EARLIER();
        out[LANE] = in[127 - LANE];
        if (LANE > 100) out[LANE] += 0 * __shfl_xor_sync(0xffffffffu, 1, 1);
      }
      KERNEL void copies(const int* in, int* out) {
        AWAIT_EARLIER();
        extern __shared__ __align__(128) unsigned char tiles[];
        if (LANE < 32) copy16(shared_address(tiles + 16 * LANE), in + 4 * LANE, 1);
        copies_end();
        copies_wait<0>();
        __syncthreads();
        out[LANE] = ((int*)tiles)[127 - LANE];
      }
      KERNEL void copies_awaited_too_late(const int* in, int* out) {
        AWAIT_EARLIER();
        extern __shared__ __align__(128) unsigned char tiles[];
        if (LANE < 32) copy16(shared_address(tiles + 16 * LANE), in + 4 * LANE, 1);
        copies_end();
        copies_wait<1>();
        __syncthreads();
        out[LANE] = ((int*)tiles)[127 - LANE];
        copies_wait_all();
      }
      KERNEL void copies_not_awaited(const int* in, int* out) {
        AWAIT_EARLIER();
        extern __shared__ __align__(128) unsigned char tiles[];
        copy16(shared_address(tiles), in, 1);
        out[LANE] = in[127 - LANE];
      }
      KERNEL void copies_beyond_shared_memory(const int* in, int* out) {
        AWAIT_EARLIER();
        extern __shared__ __align__(128) unsigned char tiles[];
        copy16(shared_address(tiles + 16 * LANE), in, 1);
        copies_end();
        copies_wait<0>();
        out[LANE] = in[127 - LANE];
      }
      KERNEL void copies_not_aligned(const int* in, int* out) {
        AWAIT_EARLIER();
        extern __shared__ __align__(128) unsigned char tiles[];
        copy16(shared_address(tiles), in + 1, 1);
        out[LANE] = in[127 - LANE];
      }
      KERNEL void copies_from_beyond(const int* in, int* out) {
        AWAIT_EARLIER();
        extern __shared__ __align__(128) unsigned char tiles[];
        copy16(shared_address(tiles), in + 128, 1);
        out[LANE] = in[127 - LANE];
      }
      KERNEL void does_not_await_earlier(const int* in, int* out) {
        out[LANE] = in[127 - LANE];
      }
      """;

  private static final EmulatedKernels KERNELS =
      EmulatedKernels.build(
          "#define OVERLAP 1\n#define F16 1\n"
              + KernelSources.read("prelude_cuda.h")
              + KernelSources.read("tensor.cuh")
              + TEXT,
          List.of(
              "right",
              "without_barrier",
              "barrier_of_some",
              "shuffle_of_some",
              "copies",
              "copies_awaited_too_late",
              "copies_not_awaited",
              "copies_beyond_shared_memory",
              "copies_not_aligned",
              "copies_from_beyond",
              "does_not_await_earlier"),
          List.of("__CUDA_ARCH__=800"));

  /** Whether every launch of a kernel turns its line around. */
  private static boolean turns(String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocate(4L * THREADS, 16);
      MemorySegment out = arena.allocate(4L * THREADS, 16);
      for (int i = 0; i < THREADS; i++) {
        in.setAtIndex(ValueLayout.JAVA_INT, i, 1000 + i);
      }
      Memory source = new Memory(in.address(), in.byteSize());
      KERNELS.allocated(source);
      for (int launch = 0; launch < LAUNCHES; launch++) {
        out.fill((byte) 0);
        KERNELS.launch(
            kernel,
            new Grid(1, 1, THREADS, 1, 4 * THREADS),
            Arrays.asList(source, new Memory(out.address(), out.byteSize())),
            launch);
        for (int i = 0; i < THREADS; i++) {
          if (out.getAtIndex(ValueLayout.JAVA_INT, i) != 1000 + THREADS - 1 - i) {
            return false;
          }
        }
      }
      KERNELS.freed(source);
      return true;
    }
  }

  @Test
  void rightKernelsPass() {
    assertThat(turns("right")).isTrue();
    assertThat(turns("copies")).isTrue();
  }

  @Test
  void whatIsReadTooEarlyIsNotThere() {
    assertThat(turns("without_barrier")).isFalse();
    assertThat(turns("copies_awaited_too_late")).isFalse();
  }

  @Test
  void threadsThatPartAreFound() {
    assertThatCode(() -> turns("barrier_of_some"))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("barrier_of_some: thread");
    assertThatCode(() -> turns("shuffle_of_some"))
        .hasMessageContaining("shuffle_of_some: thread")
        .hasMessageContaining("__shfl_xor_sync");
    assertThat(turns("right")).as("after a launch that was broken off").isTrue();
  }

  @Test
  void badCopiesAreFound() {
    assertThatCode(() -> turns("copies_beyond_shared_memory"))
        .hasMessageContaining("16 bytes of shared memory at")
        .hasMessageContaining(", of 512");
    assertThatCode(() -> turns("copies_not_awaited")).hasMessageContaining("on their way");
    assertThatCode(() -> turns("copies_not_aligned")).hasMessageContaining("not aligned");
    assertThatCode(() -> turns("copies_from_beyond")).hasMessageContaining("not allocated");
  }

  @Test
  void everyKernelMustWaitForThoseBeforeIt() {
    assertThatCode(() -> turns("does_not_await_earlier"))
        .hasMessage("does_not_await_earlier: does not wait for the kernels before it");
  }

  /** Nothing but weights may be read before, which no kernel writes. */
  @Test
  void theyWaitBeforeAnythingElse() {
    String text = KernelSources.text(Traits.Dialect.CUDA, false, Precision.F16);
    Matcher kernel = Pattern.compile("(?:KERNEL|__global__) [^{};#]*\\) \\{").matcher(text);
    int found = 0;
    while (kernel.find()) {
      String before = text.substring(kernel.end(), text.indexOf("AWAIT_EARLIER();", kernel.end()));
      if (before.contains("fetch_weight")) {
        assertThat(before).doesNotContain("live[", "list[", "in_line", "residual");
      } else {
        assertThat(before.replaceAll("__shared__[^;]*;", "")).as(kernel.group()).isBlank();
      }
      found++;
    }
    assertThat(found).isGreaterThan(25);
  }

  @Test
  void wrongLaunchesAreRefused() {
    assertThatCode(() -> KERNELS.launch("nothing", Grid.of(1, 1), List.of(), 1))
        .hasMessage("nothing: no such kernel");
    assertThatCode(() -> KERNELS.launch("right", Grid.of(1, 1), List.of(1), 1))
        .hasMessageContaining("right: 1 arguments of 2");
  }
}
