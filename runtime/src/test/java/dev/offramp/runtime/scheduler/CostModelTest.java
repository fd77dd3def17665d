package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.engine.DeviceStages;
import dev.offramp.runtime.engine.Network;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CostModelTest {
  private static final double NEAR = 1e-9;

  /** Stage 0 as on a card, flat at first; stage 1 as on a processor, by the token. */
  private static CostModel model(double look) {
    return new CostModel(
        new int[] {32, 64, 128, 256},
        new double[][] {{100, 100, 110, 200}, {32, 64, 128, 256}},
        look);
  }

  @Test
  void timesBetweenAndBeyondSizesAreOnALine() {
    CostModel model = model(0);
    assertThat(model.nanos(0, 0)).isZero();
    assertThat(model.nanos(0, 16)).isEqualTo(50, within(NEAR));
    assertThat(model.nanos(0, 32)).isEqualTo(100, within(NEAR));
    assertThat(model.nanos(0, 96)).isEqualTo(105, within(NEAR));
    assertThat(model.nanos(0, 256)).isEqualTo(200, within(NEAR));
    assertThat(model.nanos(0, 512)).isEqualTo(380, within(NEAR));
    assertThat(model.nanos(1, 1000)).isEqualTo(1000, within(NEAR));
  }

  @Test
  void enoughIsWhatIsAboutAsCheapAsItGets() {
    assertThat(model(0).enough(0)).isEqualTo(256);
    assertThat(model(0).enough(1)).isEqualTo(32);
    CostModel almost = new CostModel(new int[] {8, 16, 32}, new double[][] {{8, 12, 23.5}}, 0);
    assertThat(almost.enough(0)).isEqualTo(16);
  }

  /** Looking pays if the time of those who leave is worth more than the look. */
  @Test
  void profitTest() {
    // Nobody else waits: what is saved on a card is the difference of two times, almost nothing.
    assertThat(model(5).pays(0, 0, 64, 0.5, false)).isFalse();
    assertThat(model(5).pays(0, 0, 256, 0.5, false)).isTrue();
    // Others take the room that is left: it is worth what a token costs in a large step.
    assertThat(model(5).pays(0, 0, 64, 0.5, true)).isTrue();
    assertThat(model(30).pays(0, 0, 64, 0.5, true)).isFalse();
    // A single row is there or not.
    assertThat(model(40).pays(0, 0, 32, 0.5, false)).isTrue();
    assertThat(model(60).pays(0, 0, 32, 0.5, false)).isFalse();
    // By the token, and nobody leaves.
    assertThat(model(5).pays(1, 1, 64, 0.5, false)).isTrue();
    assertThat(model(5).pays(1, 1, 64, 0, true)).isFalse();
    assertThat(model(0).pays(1, 1, 64, 0, false)).isFalse();
    // Two stages up to the next exit that is asked are worth both.
    assertThat(model(50).pays(0, 0, 64, 0.5, true)).isFalse();
    assertThat(model(50).pays(0, 1, 64, 0.5, true)).isTrue();
  }

  @Test
  void warmUpMeasuresEveryStage() {
    long[] nanos = {300, 500, 200};
    var stages = new ScriptedStages(new int[32], 3, 32, 1, 8, nanos);
    stages.warmingUp = true;
    CostModel model = WarmUp.measure(stages, () -> stages.now);
    assertThat(model.sizes()).containsExactly(16, 32, 64, 128);
    for (int stage = 0; stage < nanos.length; stage++) {
      assertThat(model.nanos(stage, 16)).isEqualTo(nanos[stage], within(NEAR));
      assertThat(model.nanos(stage, 128)).isEqualTo(nanos[stage], within(NEAR));
    }
    assertThat(model.look()).isZero();
  }

  @Test
  void warmUpOnTheJvm(@TempDir Path folder) {
    try (ModelDirectory model =
            ModelDirectory.open(TinyModel.write(folder.resolve("model"), 33, 1, 2, 4));
        Device device = Devices.open("jvm", new DeviceOptions(2));
        Network network = Network.open(model, device);
        DeviceStages stages = DeviceStages.open(network, 16, TinyModel.MAX_TOKENS, false)) {
      CostModel cost = WarmUp.measure(stages);
      assertThat(cost.sizes()[0]).isEqualTo(TinyModel.MAX_TOKENS);
      for (int stage = 0; stage < 3; stage++) {
        assertThat(cost.nanos(stage, 20)).isPositive().isFinite();
        assertThat(Arrays.stream(cost.sizes()).boxed()).contains(cost.enough(stage));
      }
      assertThat(cost.look()).isNotNegative().isFinite();
    }
  }
}
