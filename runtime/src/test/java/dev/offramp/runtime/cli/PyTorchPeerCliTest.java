package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bench's side of the protocol; PyTorch is played by a shell script. */
class PyTorchPeerCliTest {
  private static final int BATCH = 8;

  @TempDir private Path folder;
  private Path model;
  private Path texts;

  @BeforeEach
  void makeModel() throws IOException {
    model = TinyModel.write(folder.resolve("model"), 5, 2, TinyModel.LAYERS);
    texts = Files.write(folder.resolve("texts.txt"), TinyModel.sentences(6, 2 * BATCH));
  }

  @Test
  void theTimesArePythonsOwn() throws IOException {
    Outcome outcome = bench("pytorch", peer(truth(), "{\"batches\":16}"));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonObject line = outcome.json().getAsJsonArray("cases").get(1).getAsJsonObject();
    assertThat(line.get("mode").getAsString()).isEqualTo("pytorch");
    assertThat(line.get("samplesPerSecond").getAsDouble()).isEqualTo(BATCH / 0.5);
    assertThat(line.get("p50Millis").getAsDouble()).isEqualTo(500);
    assertThat(line.get("shareOfPeak").getAsDouble()).isPositive();
    // 1e-6 TFLOP/s are 1e-3 GFLOP/s.
    assertThat(line.get("shareOfProductCeiling").getAsDouble())
        .isCloseTo(line.get("gflops").getAsDouble() / 1e-3, Percentage.withPercentage(1e-6));
    // Two batches a second read 4 layers of (4 * 24 * 24 + 2 * 24 * 40) weights of 4 bytes.
    assertThat(line.get("shareOfCopyCeiling").getAsDouble())
        .isCloseTo(2 * 4 * 4224 * 4 / 1e5, Percentage.withPercentage(1e-6));
    assertThat(outcome.json().getAsJsonObject("ceilings").get("matrixSize").getAsInt())
        .isEqualTo(64);
    assertThat(
            outcome
                .json()
                .getAsJsonObject("peers")
                .getAsJsonObject("pytorch")
                .get("precision")
                .getAsString())
        .isEqualTo("f32");
  }

  /** Its ceilings are of where it ran, and the peak is of the benched device. */
  @Test
  void sharesAreOfTheDeviceThatAModeRanOn() throws IOException {
    Path elsewhere = peer(truth(), "{\"batches\":16}");
    String script = Files.readString(elsewhere);
    Files.writeString(elsewhere, script.replace("\"cpu\"", "\"Some Card\""));
    Outcome outcome = bench("pytorch", elsewhere);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonObject full = outcome.cases().get(0);
    JsonObject pyTorch = outcome.cases().get(1);
    assertThat(full.get("shareOfPeak").getAsDouble()).isPositive();
    assertThat(full.get("shareOfProductCeiling").isJsonNull()).isTrue();
    assertThat(full.get("shareOfCopyCeiling").isJsonNull()).isTrue();
    assertThat(pyTorch.get("shareOfPeak").isJsonNull()).isTrue();
    assertThat(pyTorch.get("shareOfProductCeiling").getAsDouble()).isPositive();
    assertThat(pyTorch.get("shareOfCopyCeiling").getAsDouble()).isPositive();
  }

  @Test
  void aPeerThatPredictsSomethingElseIsNoComparison() throws IOException {
    List<Integer> wrong = truth().stream().map(label -> (label + 1) % 3).toList();
    Outcome outcome = bench("pytorch", peer(wrong, "{\"batches\":16}"));
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.message()).contains("pytorch agrees with this runtime on 0 of 128 rows");
    assertThat(outcome.out()).isEmpty();
  }

  @Test
  void whatCannotBeCompiledIsLeftOutWithTheReason() throws IOException {
    Path peer = peer(truth(), "{\"leftOut\":\"torch.compile failed: no compiler\"}");
    Outcome outcome = bench("pytorch-compile", peer);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).contains("no pytorch-compile: torch.compile failed: no compiler");
    assertThat(outcome.json().getAsJsonArray("cases")).hasSize(1);
    assertThat(outcome.json().getAsJsonObject("leftOut").getAsJsonObject("batch 8").toString())
        .contains("no compiler");
  }

  @Test
  void aPeerThatFailsOrDiesIsNamed() throws IOException {
    Outcome failed = bench("pytorch", peer(truth(), "{\"error\":\"out of memory\"}"));
    assertThat(failed.code()).isEqualTo(1);
    assertThat(failed.message()).contains("pytorch failed: out of memory");
    Path dying = script("read -r line; echo 'no module named torch' >&2; exit 1");
    refusesPeer("no module named torch", dying);
    refusesPeer("not a JSON object", script("read -r line; echo hello; read -r line"));
    refusesPeer("cannot run PyTorch", folder.resolve("no-such-program"));
    refuses(
        2, "add --against pytorch", "bench", "--model", model, "--input", texts, "--python", dying);
  }

  private void refusesPeer(String part, Path python) {
    refuses(
        2,
        part,
        "bench",
        "--model",
        model,
        "--input",
        texts,
        "--against",
        "pytorch",
        "--python",
        python);
  }

  private Outcome bench(String peer, Path python) {
    return offramp(
        "bench",
        "--model",
        model,
        "--input",
        texts,
        "--batch",
        BATCH,
        "--rounds",
        1,
        "--full-depth",
        "--against",
        peer,
        "--python",
        python,
        "--json");
  }

  /** The full model's predictions, one a text. */
  private List<Integer> truth() {
    return offramp("run", "--model", model, "--input", texts, "--full-depth")
        .out()
        .lines()
        .skip(1)
        .map(line -> TinyModel.LABELS.indexOf(line.split("\t")[1]))
        .toList();
  }

  /** Answers the texts' two batches in turn, and half a second for each of the sixteen. */
  private Path peer(List<Integer> predictions, String toBatches) throws IOException {
    return script(
        """
        while read -r line; do
          case $line in
            *'"load"'*) echo '{"torch":"played","device":"cpu"}' ;;
            *'"ceilings"'*)
              echo '{"matrixSize":64,"copyGigabytesPerSecond":1e-4,"f32Tflops":1e-6}' ;;
            *'"batches"'*) echo '%s' ;;
            *'"results":'*[02468]'}') echo '{"predictions":%s}' ;;
            *'"results":'*) echo '{"predictions":%s}' ;;
            *'"run":'*) echo '{"seconds":0.5}' ;;
            *'"runAll":'*) echo '{"seconds":8}' ;;
          esac
        done
        """
            .formatted(
                toBatches, predictions.subList(0, BATCH), predictions.subList(BATCH, 2 * BATCH)));
  }

  private Path script(String body) throws IOException {
    Path script = Files.writeString(folder.resolve("played.sh"), "#!/bin/sh\n" + body);
    assertThat(script.toFile().setExecutable(true)).isTrue();
    return script;
  }
}
