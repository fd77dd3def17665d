package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Precision;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which kernels are forced, and that none is afterwards. */
class ProductKernelsTest {
  /** Lines of 64 inputs are aligned for tensor cores, those of 63 are not. */
  @ParameterizedTest
  @CsvSource({"64, 9", "63, 3"})
  void everyKernelMakesTheProductOnce(int inputs, int kernels) {
    Traits hopper = new Traits(Traits.Dialect.CUDA, false, 1024, 227 << 10, 90, true);
    GpuRig rig = new GpuRig(new FakeDriver(hopper, Precision.F16), null);
    try {
      LiveRows rows = rig.device.liveRows(8, 4);
      Linear map = rig.linear(inputs, 24);
      Buffer in = rig.activations(8 * 4 * inputs);
      Buffer out = rig.activations(8 * 4 * 24);
      GpuRig.load(rows, 5, 3, 4);
      Runnable product = () -> rig.device.gemm(rows, map, in, Epilogue.BIAS, null, out);
      List<String> named = new ArrayList<>();

      List<FakeDriver.Launch> launches =
          rig.launched(() ->
              ProductKernels.each(
                  rig.device,
                  inputs,
                  kernel -> {
                    named.add(kernel);
                    product.run();
                  }));

      assertThat(named).hasSize(kernels).doesNotHaveDuplicates();
      assertThat(launches).extracting(FakeDriver.Launch::kernel).isEqualTo(named);
      assertThat(rig.launched(product)).as("measures").hasSizeGreaterThan(1);

      assertThatThrownBy(() ->
              ProductKernels.each(
                  rig.device,
                  inputs,
                  kernel -> {
                    throw new IllegalStateException(kernel);
                  }))
          .isInstanceOf(IllegalStateException.class);
      String chosen = rig.launched(product).getFirst().kernel();
      List<String> last = new ArrayList<>();
      ProductKernels.each(rig.device, inputs, last::add);
      assertThat(rig.launched(product).getFirst().kernel()).isEqualTo(chosen);
      assertThat(last).isEqualTo(named);
    } finally {
      rig.device.close();
    }
  }

  @Test
  void otherDevicesDoItOnce() {
    List<String> named = new ArrayList<>();
    try (Device jvm = Devices.open("jvm")) {
      ProductKernels.each(jvm, 64, named::add);
    }
    assertThat(named).hasSize(1);
  }
}
