package dev.offramp.kernels.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import org.junit.jupiter.api.Test;

class OpenClLaunchTest extends DriverRig {
  @Test
  void compactionAgreesWithPlainJava() {
    for (int count : new int[] {0, 1, 7, 255, 256, 257, 700}) {
      LiveTable table = LiveTable.random(random, count + random.nextInt(1, 5), 37, count);
      float[] scores = new float[count + 1];
      for (int i = 0; i < count; i++) {
        scores[i] = random.nextInt(10) == 0 ? Float.NaN : random.nextFloat();
      }
      float lambda = random.nextFloat();
      Memory live = upload(table.values());
      Memory memory = upload(scores);
      driver.launch("compact", Grid.of(1, 256), live, table.capacity(), memory, 0, lambda, 0);
      driver.launch("list_tokens", Grid.of(table.capacity(), 64), live, table.capacity());
      LiveTable expected = table.compacted(scores, lambda);
      assertThat(ints(live)).isEqualTo(expected.values());
      driver.free(live);
      driver.free(memory);
    }
  }

  @Test
  void theF16ProgramBuilds() {
    driver.close();
    driver = OpenClDevices.driver(Present.number(), Precision.F16);
    assertThat(driver.info().precision()).isEqualTo(Precision.F16);
  }

  @Test
  void argumentsThatStayAreNotLost() {
    openWith(ADD);
    Memory x = upload(1f, 2f, 3f);
    Memory ones = upload(1f, 1f, 1f);
    driver.launch("add", Grid.of(1, 3), x, 3, 0.5f, ones);
    driver.launch("add", Grid.of(1, 3), x, 3, 0.5f, ones);
    assertThat(floats(x)).containsExactly(4f, 5f, 6f);
    driver.launch("add", Grid.of(1, 3), x, 2, 0.25f, ones);
    assertThat(floats(x)).containsExactly(5.25f, 6.25f, 6f);
    driver.launch("add", Grid.of(1, 3), x, 1, Float.NaN, null);
    assertThat(floats(x)).containsExactly(Float.NaN, 6.25f, 6f);
    driver.launch("add", Grid.of(1, 3), ones, 3, 7f, null);
    assertThat(floats(ones)).containsExactly(7f, 7f, 7f);
    assertThat(floats(x)).containsExactly(Float.NaN, 6.25f, 6f);
  }

  @Test
  void memoryThatGotAFreedHandleIsPassedAnew() {
    openWith(ADD);
    for (int round = 0; round < 200; round++) {
      Memory x = driver.allocate(64);
      driver.launch("add", Grid.of(1, 16), x, 16, (float) round, null);
      assertThat(floats(x)).containsOnly(round);
      driver.free(x);
    }
  }

  @Test
  void groupsCountAlongBothAxes() {
    openWith(
        """
        __kernel void where(__global int* out) {
          int x = (int)get_global_id(0);
          int y = (int)get_global_id(1);
          out[y * (int)get_global_size(0) + x] =
              (int)get_group_id(0) * 1000 + (int)get_group_id(1) * 100
              + (int)get_local_id(0) * 10 + (int)get_local_id(1);
        }
        """);
    Memory out = driver.allocate(3 * 2 * 4 * 5 * 4);
    driver.launch("where", new Grid(3, 2, 4, 5, 0), out);
    int[] expected = new int[3 * 2 * 4 * 5];
    for (int y = 0; y < 10; y++) {
      for (int x = 0; x < 12; x++) {
        expected[y * 12 + x] = x / 4 * 1000 + y / 5 * 100 + x % 4 * 10 + y % 5;
      }
    }
    assertThat(ints(out)).isEqualTo(expected);
  }

  @Test
  void aReplayHasItsArgumentsAndTheContentsOfThen() {
    openWith(ADD);
    Memory x = upload(1f, 2f, 3f);
    Memory addends = upload(10f, 20f, 30f);
    driver.beginCapture();
    driver.launch("add", Grid.of(1, 3), x, 3, 0.5f, addends);
    driver.launch("add", Grid.of(1, 3), x, 2, 0.25f, addends);
    Captured captured = driver.endCapture();
    assertThat(floats(x)).containsExactly(1f, 2f, 3f);
    captured.launch();
    assertThat(floats(x)).containsExactly(21.75f, 42.75f, 33.5f);

    // Neither other arguments of the same kernel nor new contents are mistaken for those captured.
    Memory other = upload(0f, 0f, 0f);
    driver.launch("add", Grid.of(1, 3), other, 1, 9f, null);
    driver.zero(x, 0, 12);
    driver.zero(addends, 0, 12);
    captured.launch();
    captured.launch();
    assertThat(floats(x)).containsExactly(1.5f, 1.5f, 1f);
    assertThat(floats(other)).containsExactly(9f, 0f, 0f);

    captured.close();
    captured.close();
    assertThatThrownBy(captured::launch)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void capturesWhatFailsIsAbandoned() {
    Memory x = driver.allocate(64);
    driver.beginCapture();
    assertThatThrownBy(() -> driver.zero(x, 0, 4)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> driver.launch("nothing", Grid.of(1, 1)))
        .isInstanceOf(DeviceException.class);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), x))
        .withMessageContaining("list_tokens takes 2 arguments, not 1");
    driver.abandonCapture();
    driver.abandonCapture();
    driver.zero(x, 0, 64);
    assertThat(ints(x)).containsOnly(0);
    assertThatThrownBy(driver::endCapture).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aKernelThatDoesNotExistIsNamed() {
    assertThatThrownBy(() -> driver.launch("nothing", Grid.of(1, 1)))
        .isInstanceOf(DeviceException.class)
        .hasMessageStartingWith(driver.info().id() + ": clCreateKernel of nothing failed:")
        .hasMessageContaining("CL_INVALID_KERNEL_NAME (-46)");
    await();
  }

  @Test
  void aGroupThatIsTooLargeIsNamed() {
    Memory live = upload(0, 0, 1, 0);
    int items = driver.traits().maxGroupItems() * 2;
    assertThatThrownBy(() -> driver.launch("list_tokens", Grid.of(1, items), live, 0))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("clEnqueueNDRangeKernel of list_tokens with groups of " + items)
        .hasMessageContaining("CL_INVALID_WORK_");
  }

  @Test
  void wrongArgumentsAreNamed() {
    Memory live = upload(0, 0, 1, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), live, 1L))
        .withMessageContaining("argument 1 of kernel list_tokens is a java.lang.Long");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), live, 1, 1))
        .withMessageContaining("takes 2 arguments, not 3");
    assertThatThrownBy(() -> driver.launch("list_tokens", Grid.of(1, 1), 1, 1))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("clSetKernelArg 0 of list_tokens failed: CL_INVALID_");
  }

  @Test
  void aProgramThatDoesNotBuildShowsTheLog() {
    assertThatThrownBy(() -> openWith("__kernel void broken() { undeclared_name = 1; }"))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("clBuildProgram failed: CL_BUILD_PROGRAM_FAILURE (-11)")
        .hasMessageContaining("undeclared_name");
    String many = "undeclared_name = 1;\n".repeat(1_000);
    assertThatThrownBy(() -> openWith("__kernel void broken() { " + many + "}"))
        .isInstanceOf(DeviceException.class)
        .extracting(e -> e.getMessage().length())
        .matches(length -> length < 2_400);
  }
}
