package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EncoderTest {
  private static final int SAMPLES = 9;

  @TempDir private Path folder;
  private final long seed = Long.getLong("offramp.seed", System.nanoTime());

  @ParameterizedTest
  @ValueSource(strings = {"gelu", "relu"})
  void computesWhatThePaperWrites(String activation) {
    agrees(write(activation));
  }

  /** Model families differ in it, and a wrong one shows in answers alone. */
  @Test
  void theEpsilonOfTheNormsIsTheConfigs() throws IOException {
    Path path = write("gelu");
    Path config = path.resolve(ModelDirectory.CONFIG);
    String text = Files.readString(config);
    assertThat(text).contains("1.0E-12");
    Files.writeString(config, text.replace("1.0E-12", "0.01"));
    agrees(path);
  }

  private void agrees(Path path) {
    List<int[]> samples = TinyModel.tokens(seed, SAMPLES);
    float[] first = firstTokens(path, samples);
    try (ModelDirectory model = ModelDirectory.open(path)) {
      PlainEncoder oracle = new PlainEncoder(model);
      for (int i = 0; i < SAMPLES; i++) {
        double[] expected = oracle.hiddenStates(samples.get(i))[0];
        for (int j = 0; j < TinyModel.HIDDEN; j++) {
          assertThat((double) first[i * TinyModel.HIDDEN + j])
              .as("sample %d, value %d, offramp.seed=%d", i, j, seed)
              .isCloseTo(expected[j], offset(1e-4));
        }
      }
    }
  }

  @Test
  void theActivationIsTheConfigs() {
    List<int[]> samples = TinyModel.tokens(seed, SAMPLES);
    assertThat(firstTokens(write("gelu"), samples))
        .isNotEqualTo(firstTokens(write("relu"), samples));
  }

  private Path write(String activation) {
    return TinyModel.write(
        folder.resolve(activation), seed, activation, Head.ofText("mean", "top1"));
  }

  /** The first token's hidden state after the last layer, F32 [samples, hiddenSize]. */
  private static float[] firstTokens(Path path, List<int[]> samples) {
    Head head = Head.ofText("first", "top1");
    List<Exit> last = List.of(new Exit(TinyModel.LAYERS, head));
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner =
            BatchRunner.openAt(model, device, last, SAMPLES, TinyModel.MAX_TOKENS)) {
      return runner.features(samples, SAMPLES, List.of(head), done -> {}).getFirst();
    }
  }
}
